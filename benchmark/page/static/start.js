"use strict";
// Puts the views together: switches, navigation, and what is drawn when.

const VIEWS = { board: drawBoard, pairs: drawPairs, figures: drawFigures };

/** Names that are not there (an old link, another report) become the first that are. */
function settle() {
  const index = data("index");
  if (!index.places.some((place) => place.name === state.place)) {
    state.place = (index.tables[0]?.place ?? index.places[0]?.name) || "";
  }
  const protocols = protocolsOf(state.place);
  if (!protocols.includes(state.protocol)) state.protocol = protocols[0] ?? "";
  if (state.view === "figures" && !index.figures.length) state.view = "board";
}

function draw() {
  settle();
  const index = data("index");
  fill(byId("place"), index.places.map((place) => [place.name, `${place.title}, ${place.split}`]), state.place);
  const protocols = protocolsOf(state.place);
  fill(byId("protocol"), protocols.length ? protocols.map((name) => [name, name]) : [["", "none"]], state.protocol);
  byId("protocol").disabled = protocols.length < 2;
  for (const link of document.querySelectorAll("[data-view]")) {
    const view = link.dataset.view;
    link.setAttribute("href", hashOf({ view }));
    if (view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (view === "figures") link.hidden = !index.figures.length;
    byId(view).hidden = view !== state.view;
  }
  const names = { board: "leaderboard", pairs: "images", figures: "figures" };
  document.title = `${currentPlace()?.title ?? ""} ${names[state.view]} · mmif-bench`.trim();
  VIEWS[state.view]();
}

function drawFigures() {
  const index = data("index");
  const here = `${state.place}-${state.protocol}`;
  const tables = index.tables.map((t) => `-${t.place}-${t.protocol}`);
  // Those of this table, and those of detection on the same data set.
  const shown = index.figures.filter(({ name }) => name.endsWith(`-${here}`)
    || (name.includes(`-${currentPlace()?.dataset}@`) && !tables.some((table) => name.endsWith(table))));
  byId("figures-title").textContent = `Figures, ${currentPlace()?.title ?? ""}, protocol ${state.protocol}`;
  byId("figure-list").replaceChildren(...shown.map(({ name }) => {
    const kind = name.slice(0, name.indexOf(`-${currentPlace().dataset}@`)).replaceAll("-", " ");
    return el("figure", {},
      el("figcaption", {}, kind, " ", el("a", { href: address("figures", `${name}.pdf`) }, "PDF")),
      el("img", { src: address("figures", `${name}.png`), alt: name, loading: "lazy" }));
  }));
  if (!shown.length) byId("figure-list").replaceChildren(el("p", { class: "empty" }, "None for this data set."));
}

byId("place").addEventListener("change", (event) => change({ place: event.target.value, id: "" }));
byId("protocol").addEventListener("change", (event) => change({ protocol: event.target.value }));
window.addEventListener("hashchange", () => {
  if (location.hash === "#main") return;
  readHash();
  draw();
});
byId("version").textContent = `mmif-bench ${data("index").version}`;
readHash();
draw();
performance.mark("drawn");
