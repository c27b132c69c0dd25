"use strict";
// Puts the views together: switches, navigation, and what is drawn when.

const VIEWS = { board: drawBoard, worst: drawWorst, detection: drawBoard, pairs: drawPairs, figures: drawFigures };
const SECTIONS = { detection: "board" }; // of views that share one

/** Names that are not there (an old link, another report) become the first that are, before those without a complete row. */
function settle() {
  const index = data("index");
  const complete = index.tables.filter((table) => (state.view === "worst" ? table.compared : table.ranked));
  if (!placesOf(state.view).some((place) => place.name === state.place)) {
    state.place = ((complete[0] ?? index.tables[0])?.place ?? index.places[0]?.name) || "";
  }
  const protocols = protocolsOf(state.place);
  if (!protocols.includes(state.protocol)) {
    state.protocol = complete.find((table) => table.place === state.place)?.protocol ?? protocols[0] ?? "";
  }
  const outputs = outputsOf(state.place, state.protocol);
  if (!outputs.includes(state.output)) state.output = outputs[0] ?? "";
  settleDetection();
  if (hasNothing(state.view)) state.view = Object.keys(VIEWS).find((view) => !hasNothing(view)) ?? "board";
}

/** The splits that a view has something of: those that were fused only have no more than images. */
function placesOf(view) {
  const { places, tables } = data("index");
  if (view === "pairs" || view === "figures" || !tables.length) return places;
  return places.filter((place) => tables.some((table) => table.place === place.name));
}

/** Views without anything to show are not offered. */
function hasNothing(view) {
  const { detection, figures, places, tables } = data("index");
  return { board: !tables.length, worst: !tables.some((table) => table.compared), detection: !detection.length,
    pairs: !places.some((place) => place.ids.length), figures: !figures.length }[view];
}

function draw() {
  settle();
  const index = data("index");
  byId("detector-label").hidden = state.view !== "detection";
  byId("protocol-label").hidden = state.view !== "detection" && !protocolsOf(state.place).length;
  byId("output-label").hidden = !["board", "worst"].includes(state.view);
  if (state.view === "detection") drawDetectionSwitches();
  else drawSwitches(index);
  for (const link of document.querySelectorAll("[data-view]")) {
    const view = link.dataset.view;
    link.setAttribute("href", hashOf({ view }));
    if (view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.hidden = hasNothing(view);
    byId(SECTIONS[view] ?? view).hidden = (SECTIONS[state.view] ?? state.view) !== (SECTIONS[view] ?? view);
  }
  const names = { board: "leaderboard", worst: "worst images", detection: "detection", pairs: "images", figures: "figures" };
  document.title = `${currentPlace()?.title ?? ""} ${names[state.view]} · mmif-bench`.trim();
  VIEWS[state.view]();
  history.replaceState(null, "", hashOf()); // whatever was settled, so that the address can be passed on
}

function drawSwitches(index) {
  const named = (places) => places.map((place) => [place.name, place.caption]);
  const scored = new Set(index.tables.map((table) => table.place));
  const places = placesOf(state.view);
  fillGroups(byId("place"), [["Scored", named(places.filter(({ name }) => scored.has(name)))],
    ["Fused, not scored", named(places.filter(({ name }) => !scored.has(name)))]], state.place);
  const protocols = protocolsOf(state.place);
  fill(byId("protocol"), protocols.map((name) => [name, name]), state.protocol);
  byId("protocol").disabled = protocols.length < 2;
  const outputs = outputsOf(state.place, state.protocol);
  fill(byId("output"), outputs.map((name) => [name, name]), state.output);
  byId("output").disabled = outputs.length < 2;
}

function drawFigures() {
  const index = data("index");
  const here = `-${state.place}-${state.protocol}`;
  const dataset = currentPlace()?.dataset ?? currentSetup()?.dataset;
  const setups = index.detection.filter((table) => table.dataset === dataset);
  const setupOf = (name) => setups.find((table) => name.endsWith(`-${table.place}-${table.setup}`));
  // Those of this table, and those of detection on the same data set.
  const shown = index.figures.filter(({ name }) => name.endsWith(here) || setupOf(name));
  const [output] = outputsOf(state.place, state.protocol); // the report's own, which figures are of
  const protocol = state.protocol && `protocol ${state.protocol}, ${output} output`;
  byId("figures-title").textContent = ["Figures", currentPlace()?.title ?? dataset, protocol].filter(Boolean).join(", ");
  byId("figure-list").replaceChildren(...shown.map(({ name }) => {
    const kind = name.slice(0, name.indexOf(`-${dataset}@`)).replaceAll("-", " ");
    const setup = setupOf(name);
    return el("figure", {},
      el("figcaption", {}, setup ? `${kind}: ${setup.protocol}, ${setup.choice}` : kind, " ", el("a", { href: address("figures", `${name}.pdf`) }, "PDF")),
      el("img", { src: address("figures", `${name}.png`), alt: name, loading: "lazy" }));
  }));
  if (!shown.length) byId("figure-list").replaceChildren(el("p", { class: "empty" }, "None for this data set."));
}

byId("place").addEventListener("change", ({ target }) =>
  change(state.view === "detection" ? { division: target.value, setup: "" } : { place: target.value, id: "" }));
byId("protocol").addEventListener("change", ({ target }) => change(state.view === "detection"
  ? { setup: setupsOf(state.division).find((table) => table.protocol === target.value).setup } : { protocol: target.value }));
byId("output").addEventListener("change", ({ target }) => change({ output: target.value }));
window.addEventListener("hashchange", () => {
  if (location.hash === "#main") return;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  readHash();
  draw();
});
byId("version").textContent = `mmif-bench ${data("index").version}`;
readHash();
draw();
performance.mark("drawn");
