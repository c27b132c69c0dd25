"use strict";
// Detection: its switches, and where its numbers come from. The table itself is the leaderboard's.

/** The setup that is looked at; undefined where there is none. */
const currentSetup = () => data("index").detection.find((t) => t.place === state.division && t.setup === state.setup);

const setupsOf = (division) => data("index").detection.filter((table) => table.place === division);

/** Names that are not there become those of the data set that is looked at, or the first. */
function settleDetection() {
  const tables = data("index").detection;
  if (!tables.length) return;
  if (!setupsOf(state.division).length) {
    const dataset = currentPlace()?.dataset;
    Object.assign(state, { division: (tables.find((table) => table.dataset === dataset) ?? tables[0]).place, setup: "" });
  }
  const here = setupsOf(state.division);
  if (!here.some((table) => table.setup === state.setup)) state.setup = (here.find((t) => t.ranked) ?? here[0]).setup;
}

/** Division, protocol and detector, in place of data set and protocol. */
function drawDetectionSwitches() {
  const tables = data("index").detection;
  const here = setupsOf(state.division);
  const { protocol } = currentSetup();
  const places = new Map(tables.map((table) => [table.place, table.data]));
  fill(byId("place"), [...places], state.division);
  const protocols = [...new Set(here.map((table) => table.protocol))];
  fill(byId("protocol"), protocols.map((name) => [name, name]), protocol);
  byId("protocol").disabled = protocols.length < 2;
  const setups = here.filter((table) => table.protocol === protocol);
  fill(byId("detector"), setups.map((table) => [table.setup, table.choice]), state.setup);
  byId("detector").disabled = setups.length < 2;
}

byId("detector").addEventListener("change", (event) => change({ setup: event.target.value }));

/** Figures of the others by size, time of day and class are not shown. */
const visible = (table, metric) => !metric.part || metric.metric === state.show;

/** The same column of the metric that is shown. */
function sibling(table, metric) {
  const same = (one) => one.part && String(one.part) === String(metric.part) && one.metric === state.show;
  return table.metrics.find(same) ?? table.metrics[table.first];
}

/** A difference and its interval on a line with zero in its middle, at the scale of the column. */
function gapLine(table, i, cell) {
  if (!cell.range) return null;
  const ends = table.rows.flatMap((row) => row.cells[i].range ?? []).map(Math.abs);
  const most = Math.max(...ends) || 1;
  const share = (one) => 50 + (50 * one) / most;
  return el("span", { class: "line zero", "aria-hidden": "true" },
    el("span", { class: "range", style: `left:${share(cell.range[0])}%;right:${100 - share(cell.range[1])}%` }),
    el("span", { class: "dot", style: `left:${share(cell.mean)}%` }));
}

function showDetector(table, row) {
  const first = row.cells && row.cells[table.first];
  const facts = row.cells ? [["place by AP", first.place ? `${first.place} of ${table.entered}` : "none"], ...row.own] : [["state", row.state]];
  openDetail(titled(row), table.lead, factsList(facts), ...pictures(table, row), ...about(row), ...about(table));
}

function showFigure(table, row, i) {
  const [cell, metric] = [row.cells[i], table.metrics[i]];
  const facts = [];
  if (cell.interval) facts.push(["95 % interval", `${cell.interval} (jackknife over scenes)`]);
  if (cell.gap) facts.push([`minus ${table.base}`, `${cell.gap} (95 %, jackknife over scenes)`]);
  if (cell.place) facts.push(["place", `${cell.place} of ${table.entered}`]);
  if (cell.seeds?.length > 1) facts.push(["seeds", table.seeds.map((seed, k) => `${seed}: ${written(cell.seeds[k], cell.digits)}`).join(", ")]);
  if (metric.instances !== undefined) facts.push(["labelled objects", `${metric.instances} in ${plural(metric.images, "image")}`]);
  if (metric.part) {
    for (const other of table.metrics.filter((one) => one.part && String(one.part) === String(metric.part) && one !== metric)) {
      facts.push([other.full, textOf(row.cells[table.metrics.indexOf(other)])]);
    }
  } else facts.push(...row.own);
  const over = metric.part?.[1] ? "" : "; mean over the classes that occur";
  if (metric.metric in MEANINGS) facts.push(["metric", `average precision ${MEANINGS[metric.metric]}${over}`]);
  const big = el("p", { class: "big" }, cell.text, cell.spread ? el("small", {}, ` ± ${cell.spread}`) : null,
    cell.mean === undefined ? null : el("small", {}, " %"));
  openDetail(`${titled(row)}, ${metric.full}`, table.lead, big, factsList(facts), ...pictures(table, row), ...about(row),
    ...about(table), el("section", {}, factsList(table.works.map((work) => ["source", work]))));
}

const textOf = (cell) => (cell.spread ? `${cell.text} ± ${cell.spread}` : cell.text);
const MEANINGS = {
  AP: "as COCO has it: mean over IoU 0.5, 0.55, …, 0.95",
  AP50: "at IoU 0.5",
  AP75: "at IoU 0.75",
};

/** A link to the detections, drawn over the images. */
function pictures(table, row) {
  const index = data("index");
  const k = index.setups.findIndex((setup) => `${setup.dataset}@${setup.division}` === table.place && setup.name === table.setup);
  const run = index.setups[k]?.runs.find(({ method }) => method === row.method);
  const places = index.places.filter((place) => place.dataset === table.dataset && place.pictured.length);
  const place = places.find(({ name }) => name === `${table.place}-test`) ?? places.find(({ name }) => name === state.place) ?? places[0];
  if (!run || !place) return [];
  const left = row.method === table.base ? "" : table.base;
  const href = hashOf({ view: "pairs", place: place.name, protocol: "", id: "", left, right: row.method, boxes: `${k}/${run.seed}` });
  return [el("p", { class: "hint" }, el("a", { href }, "Detections on the images"))];
}
