// Comfort on top of pages that work without it: a career in the fragment of a link, and titles while they are typed.
"use strict";

const main = () => document.getElementById("main");

// The address of a result is the career itself, after the #, which browsers do not send.
function remember() {
  const state = main().dataset.state;
  if (state) history.replaceState(null, "", "/#" + state);
}

async function post(place, fields) {
  const answer = await fetch(place, { method: "POST", body: fields, headers: { Accept: "text/html" } });
  return answer.text();
}

// A link was opened: ask for what its fragment says.
async function open_link() {
  const text = await post("/", new URLSearchParams(location.hash.slice(1) + "&action=show"));
  const found = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  if (!found) return;
  main().replaceWith(found);
  htmx.process(found);
  remember();
}

// The titles that the typed letters may mean.
let asked = 0;
async function suggest(field) {
  const list = document.getElementById("titles");
  const mine = ++asked;
  await new Promise((done) => setTimeout(done, 150));
  if (mine !== asked || field.value.trim().length < 2) return;
  const text = await post("/suggest", new URLSearchParams({ typed: field.value }));
  if (mine === asked && text.startsWith("<option")) list.innerHTML = text;
}

document.addEventListener("input", (event) => {
  if (event.target.name === "title") suggest(event.target);
});
document.addEventListener("htmx:after:swap", () => {
  remember();
  if (main().dataset.state) document.getElementById("found").focus({ preventScroll: false });
});
addEventListener("hashchange", () => { if (location.hash.includes("title=")) open_link(); });

if (main().dataset.state) remember();
else if (location.hash.includes("title=")) open_link();
