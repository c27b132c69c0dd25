"use strict";
// Where a number comes from: what it says, how it was computed, the run that made it, and the images behind it.

function openDetail(title, lead, ...parts) {
  byId("detail-body").replaceChildren(el("h2", { id: "detail-title" }, title), el("p", { class: "lead" }, lead), ...parts);
  if (!byId("detail").open) byId("detail").showModal();
  byId("detail").scrollTop = 0;
}

function factsList(facts) {
  return el("dl", {}, ...facts.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
}

function about(row) {
  return row.about.map(({ title, facts }) => el("section", {}, el("h3", {}, title), factsList(facts)));
}

function showMethod(table, row) {
  const place = currentPlace();
  const facts = [];
  if (row.rank?.place !== undefined) {
    facts.push(["place", `${row.rank.place} of ${table.entered}, 95 % interval ${row.rank.low} to ${row.rank.high}`]);
    facts.push(["mean rank", `${written(row.rank.mean, 2)} over ${table.over.join(", ")}`]);
    facts.push(["Borda points", String(row.rank.borda)]);
  }
  const works = place.works.map((work) => ["data set", work]);
  openDetail(titled(row), table.lead, factsList([...facts, ...works]), ...about(row));
}

function showCell(table, row, i) {
  const [cell, metric] = [row.cells[i], table.metrics[i]];
  const number = (one) => written(one, cell.digits);
  const facts = [];
  if (cell.low !== undefined) facts.push(["95 % interval", `${number(cell.low)} to ${number(cell.high)} (over ${table.unit}s)`]);
  if (cell.n !== undefined) facts.push(["images", cell.n === table.total ? `${cell.n}` : `${cell.n} of ${table.total}`]);
  if (cell.infinite !== undefined) facts.push(["infinite", `for ${cell.infinite} of ${table.total}`]);
  if (cell.place !== undefined) facts.push(["place", `${cell.place} of ${table.entered}, 95 % interval ${cell.from} to ${cell.to}`]);
  if (cell.best) facts.push(["against the best", "this is the best mean"]);
  else if (cell.p !== undefined) facts.push(["against the best", `p ${cell.p < 0.001 ? "< 0.001" : `= ${cell.p.toFixed(3)}`} (random signs, all pairs)`]);
  else if (cell.place !== undefined) facts.push(["against the best", `not tested: too few independent ${table.unit}s`]);
  const definition = [["metric", `${metric.title ?? metric.name}, ${WAYS[metric.direction]}`]];
  if (metric.note) definition.push([table.protocol, metric.note]);
  if (metric.range) definition.push(["range", `${metric.range} (${metric.unit === "1" ? "no unit" : metric.unit})`]);
  if (metric.source) definition.push(["source", metric.source]);
  const big = el("p", { class: "big" }, cell.mean === undefined ? cell.text : number(cell.mean),
    cell.sd === undefined ? null : el("small", {}, ` ± ${number(cell.sd)}`));
  const images = el("section", { class: "images" }, el("h3", {}, "Images"), el("p", { class: "hint" }, "Loading …"));
  openDetail(`${titled(row)}, ${metric.name}`, table.lead,
    big, factsList(facts), images, el("section", {}, el("h3", {}, "Metric"), factsList(definition)), ...about(row));
  const number_ = data("index").tables.indexOf(table);
  load(`scores-${number_}`).then((scores) => drawImages(images, table, row, i, scores), (error) => {
    images.replaceChildren(el("h3", {}, "Images"), el("p", { class: "hint" }, error.message));
  });
}

/** Sorted curves of all methods, this one in front, and its lowest, middle and highest image. */
function drawImages(section, table, row, i, scores) {
  const of = (one) => scores.values[table.rows.indexOf(one)][i];
  const own = of(row).map((stored, k) => [value(stored), scores.ids[k]]).filter(([v]) => Number.isFinite(v));
  own.sort((a, b) => a[0] - b[0]);
  const digits = digitsOf(table, i);
  const parts = [el("h3", {}, "Images")];
  if (own.length > 1) parts.push(...curves(table, row, of, digits));
  const picks = [["lowest", 0], ["middle", Math.floor((own.length - 1) / 2)], ["highest", own.length - 1]];
  const wanted = own.length < 3 ? picks.slice(0, own.length) : picks;
  parts.push(el("ul", { class: "picks" }, ...wanted.map(([word, k]) => el("li", {}, `${word} ${written(own[k][0], digits)}: `,
    el("a", { href: hashOf({ view: "pairs", id: own[k][1], right: row.method }) }, own[k][1])))));
  section.replaceChildren(...parts);
}

function curves(table, row, of, digits) {
  const [width, height] = [420, 130];
  const lines = table.rows.map((one) => [one, of(one).map(value).filter(Number.isFinite).sort((a, b) => a - b)]);
  const all = lines.flatMap(([, values]) => values);
  const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  const point = (values, v, k) =>
    `${((width * k) / Math.max(1, values.length - 1)).toFixed(1)},${(height - (height * (v - low)) / (high - low || 1)).toFixed(1)}`;
  const drawn = (values, kind) => svg("polyline", { class: kind, points: values.map((v, k) => point(values, v, k)).join(" ") });
  const own = lines.find(([one]) => one === row)[1];
  const picture = svg("svg", { viewBox: `-2 -2 ${width + 4} ${height + 4}`, role: "img", class: "curves",
    "aria-label": `Scores of the images in rising order, ${row.title} before the others` },
  ...lines.filter(([one, values]) => one !== row && values.length > 1).map(([, values]) => drawn(values, "other")), drawn(own, "own"));
  return [picture, el("p", { class: "hint" }, `Each line a method, its images in rising order; ${row.title} in colour. From ${written(low, digits)} to ${written(high, digits)}.`)];
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
}
