"use strict";
// The leaderboard, of scores and of detection: a table that any column sorts, with the place of each method and its
// interval.

const OVERALL = "";
const SHOWS = {
  board: [["mean", "means"], ["sd", "means ± standard deviation"], ["interval", "means, 95 % intervals"],
    ["place", "places, 95 % intervals"]],
  detection: ["AP", "AP50", "AP75"].map((metric) => [metric, `${metric} by size, time of day and class`]),
};

const BASELINES = [["", "below the methods"], ["among", "among the methods, without a place"], ["hidden", "hidden"]];

const boardTable = () => (state.view === "detection" ? currentSetup() : currentTable().table);

/** What a column sorts by: [value of a row, whether high is first]. */
function sorting(table, key) {
  if (key === "method") return [(row) => row.title.toLowerCase(), false];
  if (key === "rank") return [(row) => value(row.rank?.mean), false];
  if (key === "borda") return [(row) => value(row.rank?.borda), true];
  const metric = metricAt(table, key);
  if (metric >= 0) return [(row) => value(row.cells[metric].mean), table.metrics[metric].direction >= 0];
  if (table.first !== undefined) return sorting(table, `m:${table.metrics[table.first]?.name}`);
  return [(row) => value(row.rank?.place), false];
}

const metricAt = (table, key) => (key.startsWith("m:") ? table.metrics.findIndex((m) => `m:${m.name}` === key) : -1);

/** The complete rows, sorted; rows without a value come last, the others keep the report's order. Reference rows stand
 * below, among or not at all, as chosen. */
function sorted(table) {
  const [get, highFirst] = sorting(table, state.sort);
  const high = highFirst !== (state.down === "1");
  const below = (row) => (row.reference && state.baselines !== "among" ? 1 : 0);
  const rows = table.rows.slice(0, table.ranked).filter((row) => !row.reference || state.baselines !== "hidden");
  return rows.sort((one, other) => {
    const [a, b] = [get(one), get(other)];
    if (below(one) !== below(other)) return below(one) - below(other);
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return a === b ? 0 : a < b === high ? 1 : -1;
  });
}

function drawBoard() {
  const table = boardTable();
  const place = currentPlace();
  const named = state.view === "detection" ? table.data : place?.caption;
  byId("board-title").textContent = named ?? "Nothing to show";
  byId("board-wide").hidden = !table;
  byId("board-notes").replaceChildren();
  if (!table) {
    byId("board-lead").textContent = place ? "These images were fused and not scored; see Images." : "";
    return;
  }
  if (!SHOWS[state.view].some(([key]) => key === state.show)) state.show = SHOWS[state.view][0][0];
  if (state.sort.startsWith("m:")) {
    const metric = table.metrics[metricAt(table, state.sort)];
    if (!metric) Object.assign(state, { sort: OVERALL, down: "" });
    else if (!visible(table, metric)) state.sort = `m:${sibling(table, metric).name}`;
  }
  fill(byId("show"), SHOWS[state.view], state.show);
  if (!BASELINES.some(([key]) => key === state.baselines)) state.baselines = "";
  fill(byId("baselines"), BASELINES, state.baselines);
  byId("baselines-label").hidden = !table.rows.some((row) => row.reference);
  byId("board-lead").textContent = table.lead ?? leadOf(table);
  byId("table").querySelector("caption").textContent = table.lead;
  byId("table").dataset.show = state.show;
  drawHead(table);
  drawBody(table);
  const absent = table.absent.map((row) => `${titled(row)}: ${row.state}`);
  const over = table.over.length ? [`Places without a metric are by the mean rank over ${table.over.join(", ")}.`] : [];
  const without = table.rows.some((row) => !row.reference && row.cells[table.first]?.mean !== undefined && row.cells[table.first].place == null);
  if (without) over.push("Without a place: an AP of zero, nothing was found.");
  const notes = [table.explanation, ...over, ...table.notes.filter((note) => !absent.includes(note))].filter(Boolean);
  byId("board-notes").replaceChildren(...notes.map((note) => el("li", {}, note)), ...table.absent.map((row) =>
    el("li", {}, el("button", { type: "button", class: "plain", onclick: () => showRow(table, row) }, titled(row)),
      `: ${row.state}`)));
}

const showRow = (table, row) => (table.setup === undefined ? showMethod : showDetector)(table, row);
const showPlace = (table, row, i) => (table.setup === undefined ? showCell : showFigure)(table, row, i);

function leadOf(table) {
  const images = table.images === table.total ? plural(table.total, "pair") : `${table.images} of ${table.total} pairs`;
  const unit = table.unit === "image" ? "" : `, ${plural(table.units, table.unit)}`;
  return `${images}${unit}, ${table.output} output, protocol ${table.protocol}: ${table.convention || "not known here"}`;
}

function drawHead(table) {
  const ranked = table.rows.some((row) => row.rank?.place !== undefined);
  const column = (key, text, title, attributes = {}, more = null) => {
    const current = state.sort === key;
    const rising = sorting(table, key)[1] === (state.down === "1");
    return el("th", { scope: "col", "aria-sort": current ? (rising ? "ascending" : "descending") : null, ...attributes },
      el("button", { type: "button", title, "data-sort": key, onclick: () => sortBy(key) }, text, more));
  };
  const heads = [
    column(OVERALL, "Place", `Sort by ${table.first === undefined ? "mean rank over metrics" : "AP"}`, { class: "place" }),
    column("method", "Method", "Sort by name", { class: "name" }),
  ];
  if (ranked) {
    heads.push(column("rank", "Mean rank", `Over ${plural(table.over.length, "metric")} and all ${table.unit}s; 1 is best`));
    heads.push(column("borda", "Borda", "Points: one per metric for every method with a worse mean"));
  }
  for (const metric of table.metrics) {
    if (!visible(table, metric)) continue;
    const title = `${metric.title ?? metric.full ?? metric.name}: ${WAYS[metric.direction]}`;
    const count = metric.part ? el("small", {}, `${metric.metric}, n = ${metric.instances}`) : null;
    heads.push(column(`m:${metric.name}`, el("span", {}, typeset(metric), ARROWS[metric.direction]), title, {}, count));
  }
  byId("table").tHead.replaceChildren(el("tr", {}, ...heads));
}

function sortBy(key) {
  change(state.sort === key ? { down: state.down === "1" ? "" : "1" } : { sort: key, down: "" });
  // What was chosen is drawn anew, and keeps the focus.
  byId("table").querySelector(`[data-sort="${CSS.escape(key)}"]`).focus();
}

function drawBody(table) {
  const rows = [...sorted(table), ...table.rows.slice(table.ranked)];
  byId("table").tBodies[0].replaceChildren(...rows.map((row) => boardRow(table, row)));
  const first = rows.findIndex((row) => row.reference);
  if (first > 0 && !state.baselines) byId("table").tBodies[0].rows[first].classList.add("first-reference");
  const start = byId("table").tBodies[0].querySelector("button");
  if (start) start.tabIndex = 0;
}

function boardRow(table, row) {
  const partial = table.rows.indexOf(row) >= table.ranked;
  const ranked = table.rows.some((one) => one.rank?.place !== undefined);
  const name = el("th", { scope: "row", class: "name" }, el("div", { class: "named" },
    el("button", { type: "button", tabindex: -1, title: row.method, onclick: () => showRow(table, row) }, titled(row)),
    row.naive ? el("span", { class: "tag" }, "baseline") : null));
  const cells = [placeCell(table, row), name];
  if (ranked) {
    cells.push(el("td", { "data-head": "Mean rank" }, written(row.rank?.mean, 2)));
    cells.push(el("td", { "data-head": "Borda" }, row.rank?.borda === undefined ? "—" : String(row.rank.borda)));
  }
  table.metrics.forEach((metric, i) => {
    if (!visible(table, metric)) return;
    const cell = row.cells[i];
    const current = state.sort === `m:${metric.name}`;
    const [text, more] = shown(cell);
    cells.push(el("td", { "data-head": (metric.head ?? metric.name) + ARROWS[metric.direction], class: [cell.mark, current ? "current" : ""].filter(Boolean).join(" ") || null },
      text === "" ? "" : el("button", { type: "button", tabindex: -1, onclick: () => showPlace(table, row, i) },
        text, cell.sign && state.show !== "place" ? el("span", { class: "sign" }, cell.sign) : null, more ? el("small", {}, more) : null, gapLine(table, i, cell))));
  });
  return el("tr", { class: [row.naive ? "naive" : "", partial ? "partial" : ""].filter(Boolean).join(" ") || null }, ...cells);
}

/** A cell's text and what stands small behind it. */
function shown(cell) {
  if (cell.mean === undefined) return [cell.text, ""];
  if (cell.interval) return [cell.text, ` ${cell.interval}`];
  if (cell.spread) return [cell.text, ` ± ${cell.spread}`];
  const number = (one) => written(one, cell.digits);
  if (state.show === "sd" && cell.sd !== undefined) return [cell.text, ` ± ${number(cell.sd)}`];
  if (state.show === "interval" && cell.low !== undefined) return [cell.text, ` ${number(cell.low)} – ${number(cell.high)}`];
  if (state.show === "place") {
    return cell.place === undefined ? ["—", ""] : [String(cell.place), ` ${cell.from} – ${cell.to}`];
  }
  return [cell.text.replace("-", "−"), ""];
}

/** The place by the metric that sorts, or over all metrics, as a number and as a mark on a line from first to last. */
function placeCell(table, row) {
  const metric = metricAt(table, state.sort);
  const overall = table.first === undefined ? row.rank : row.cells[table.first];
  const by = metric >= 0 && table.metrics[metric].direction ? row.cells[metric] : overall;
  const place = value(by?.place);
  if (place === undefined) {
    const found = row.cells[table.first]?.mean !== undefined;
    return el("td", { class: "place" }, found ? el("span", { class: "number" }, "—") : "");
  }
  if (table.first !== undefined) return el("td", { class: "place" }, el("span", { class: "number" }, String(place)));
  const [low, high] = [by.from ?? by.low, by.to ?? by.high];
  const share = (one) => (table.entered > 1 ? (100 * (one - 1)) / (table.entered - 1) : 50);
  const line = el("span", { class: "line", "aria-hidden": "true" },
    el("span", { class: "range", style: `left:${share(low)}%;right:${100 - share(high)}%` }),
    el("span", { class: "dot", style: `left:${share(place)}%` }));
  const interval = low === high ? `${low}` : `${low} – ${high}`;
  return el("td", { class: "place", title: `Place ${place}; 95 % interval ${interval}` },
    el("span", { class: "number" }, String(place)), line,
    el("span", { class: "hidden" }, `, interval ${low} to ${high}`));
}

byId("baselines").addEventListener("change", (event) => change({ baselines: event.target.value }));
byId("show").addEventListener("change", (event) => change({ show: event.target.value }));

// One stop of the Tab key for the whole body; arrows move within it.
byId("table").tBodies[0].addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const button = event.target.closest("button");
  if (!button || !(event.key in steps || event.key === "Home" || event.key === "End")) return;
  event.preventDefault();
  const rows = [...byId("table").tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("button")));
  const cell = button.closest("td, th");
  let [y, x] = [[...byId("table").tBodies[0].rows].indexOf(cell.parentElement), cell.cellIndex];
  if (event.key in steps) {
    const [down, right] = steps[event.key];
    do [y, x] = [y + down, x + right];
    while (rows[y] && x in rows[y] && !rows[y][x]);
  } else {
    const line = rows[y].map((one, i) => (one ? i : -1)).filter((i) => i >= 0);
    x = event.key === "Home" ? line[0] : line[line.length - 1];
  }
  const target = rows[y]?.[x];
  if (target) moveTo(target);
});

byId("table").tBodies[0].addEventListener("focusin", (event) => {
  if (event.target.matches("button")) moveTo(event.target);
});

function moveTo(button) {
  for (const other of byId("table").tBodies[0].querySelectorAll('button[tabindex="0"]')) other.tabIndex = -1;
  button.tabIndex = 0;
  if (document.activeElement !== button) button.focus();
}
