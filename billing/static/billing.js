// Follow a subscription from any page: ask, rest, ask again. No build, no dependency.
//
//   import { follow } from "https://billing.example/static/billing.js";
//   const stop = follow("https://billing.example/v1/subscription/me", {
//     headers: { Authorization: `Bearer ${token}` },
//     onChange: (me) => { show(me.plan); return me.plan === "pro"; },  // true: seen enough
//   });
//
// It asks with the last ETag, so that an answer that did not change costs a 304 and no body. It
// rests longer after each quiet answer, obeys Retry-After, and does not ask while nobody looks.

const FIRST = 1000, LONGEST = 30000, GROWTH = 1.5;

export function follow(url, { headers = {}, onChange, onFault = () => {} }) {
  let etag = null, rest = FIRST, timer = null, over = false;

  async function ask() {
    try {
      const sent = etag ? { ...headers, "If-None-Match": etag } : headers;
      const answer = await fetch(url, { headers: sent, cache: "no-store" });
      rest = Math.min(rest * GROWTH, LONGEST);
      const wait = Number(answer.headers.get("Retry-After")) * 1000;
      if (answer.ok) {
        etag = answer.headers.get("ETag");
        if (onChange(await answer.json())) over = true;
      } else if (answer.status !== 304 && onFault(answer.status)) over = true;
      if (wait > rest) rest = wait;
    } catch (fault) {
      rest = Math.min(rest * GROWTH, LONGEST);  // offline: it may come back
      if (onFault(0)) over = true;
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(ask, rest);
  }

  document.addEventListener("visibilitychange", () => { rest = FIRST; plan(); });
  ask();
  return () => { over = true; clearTimeout(timer); };
}
