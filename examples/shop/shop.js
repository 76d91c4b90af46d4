// The product's page: it signs in, sells through its own backend, and follows the plan.
const billing = decodeURIComponent(document.cookie.match(/billing=([^;]*)/)[1]).replace(/^"|"$/g, "");
const library = import(`${billing}/static/billing.js`);  // not awaited here: first the form must be ours
const bearer = () => ({ Authorization: `Bearer ${sessionStorage.token}` });
const [form, plan, upgrade] = ["signin", "plan", "upgrade"].map((id) => document.getElementById(id));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(form)));
  const answer = await fetch("/signin", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const told = await answer.json();
  if (!answer.ok) { plan.textContent = told.detail; return; }
  sessionStorage.token = told.access_token;
  start();
});

upgrade.addEventListener("click", async () => {
  const answer = await fetch("/upgrade", { method: "POST", headers: bearer() });
  const told = await answer.json();
  if (answer.ok) location.assign(told.url);
  else plan.textContent = told.detail;
});

async function start() {
  form.hidden = true;
  const { follow } = await library;
  follow(`${billing}/v1/subscription/me`, {
    headers: bearer,
    onChange(me) {
      plan.textContent = `You are on ${me.plan}.`;
      upgrade.hidden = me.plan !== "free";
    },
    onFault(status) {
      if (status !== 401) return false;
      delete sessionStorage.token;  // it has run out: sign in again
      form.hidden = false;
      return true;
    },
  });
}

if (sessionStorage.token) start();
