// The page after the payment: follow the checkout until its plan is there, and say so.
import { follow } from "./billing.js";

const LATE = 20000;
const card = document.querySelector("[data-ask]");

follow(card.dataset.ask, {
  onChange(progress) {
    card.dataset.state = progress.state;
    card.querySelector("h1").textContent = progress.title;
    card.querySelector("[role=status] p").textContent = progress.text;
    if (progress.state === "pending") return false;
    document.title = document.title.replace(/.* ·/, `${progress.title} ·`);
    card.querySelector(".late").hidden = true;
    return true;
  },
  onFault: (status) => status === 401 || status === 404,
});

setTimeout(() => { card.querySelector(".late").hidden = card.dataset.state !== "pending"; }, LATE);
