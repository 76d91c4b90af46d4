// Follow a subscription from any page: ask, rest, ask again. No build, no dependency.
//
//   import { follow } from "https://billing.example/static/billing.js";
//   const stop = follow("https://billing.example/v1/subscription/me", {
//     headers: () => ({ Authorization: `Bearer ${token}` }),
//     onChange: (me) => me.plan === "pro",    // true: enough was seen
//     onFault: (status) => status === 401,    // true: give up; 0 is no answer at all
//   });
//
// It sends the last ETag, so an answer that did not change costs a 304 and no body. It rests longer
// after every answer, obeys Retry-After, and asks nothing while nobody looks at the page.

const FIRST = 1000, LONGEST = 30000, GROWTH = 1.4;

export function follow(url, { headers = () => ({}), onChange, onFault = () => false }) {
  let etag, timer, rest = FIRST, over = false;

  async function ask() {
    const seen = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(url, { headers: { ...headers(), ...seen }, cache: "no-store" })
      .catch(() => ({ status: 0, headers: new Headers() }));
    const wanted = 1000 * Number(answer.headers.get("Retry-After"));
    rest = Math.max(wanted || 0, Math.min(rest * GROWTH, LONGEST));
    if (over) return;
    if (answer.ok) etag = answer.headers.get("ETag");
    if (answer.ok ? onChange(await answer.json()) : answer.status !== 304 && onFault(answer.status)) stop();
    else plan(rest);
  }
  function plan(wait) {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(ask, wait);
  }
  function look() { rest = FIRST; plan(0); }
  function stop() { over = true; plan(); document.removeEventListener("visibilitychange", look); }

  document.addEventListener("visibilitychange", look);
  ask();
  return stop;
}
