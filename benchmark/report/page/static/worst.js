"use strict";
// Where a method fails: the pairs on which it loses most to the others, the worst first, each beside who is best there.

const BATCH = 12; // pairs shown at first, and with every further step
let casesShown = BATCH;
let casesOf = ""; // the table and method that they are of
let focusedCase = -1; // the one that gets the focus once it is drawn

function drawWorst() {
  turn += 1;
  const place = currentPlace();
  const { table, number } = currentTable();
  byId("cases").replaceChildren();
  byId("more").hidden = true;
  byId("worst-hint").textContent = "";
  if (!table) return;
  if (!table.rows.some((row) => row.method === state.method)) state.method = bestRow(table)?.method ?? "";
  fill(byId("method"), table.rows.map((row) => [row.method, titled(row)]), state.method);
  const row = table.rows.findIndex((one) => one.method === state.method);
  byId("worst-title").textContent = row < 0 ? "Nothing to show" : `Where does ${titled(table.rows[row])} fail?`;
  byId("worst-lead").textContent = `${place.caption}, protocol ${table.protocol}`;
  if (row < 0) return;
  const subject = JSON.stringify([state.place, state.protocol, state.method]);
  if (casesOf !== subject) [casesOf, casesShown] = [subject, BATCH];
  const mine = turn;
  load(`worst-${number}`).then((worst) => {
    if (mine === turn) drawCases(place, table, row, worst);
  }, (error) => { if (mine === turn) byId("worst-hint").textContent = error.message; });
}

function drawCases(place, table, row, worst) {
  const { cases, compared, reason } = worst.rows[row];
  if (cases.length) {
    byId("worst-lead").textContent += `: behind others on ${cases.length} of ${plural(worst.ids.length, "pair")}, the worst first, by the mean rank`
      + ` among ${plural(compared, "method")} over ${table.over.join(", ")}.`;
  }
  byId("cases").replaceChildren(...cases.slice(0, casesShown).map((one) => caseItem(place, table, row, worst.ids[one[0]], compared, one)));
  byId("more").hidden = cases.length <= casesShown;
  byId("more").textContent = `Show ${Math.min(BATCH, cases.length - casesShown)} more of ${cases.length}`;
  byId("cases").children[focusedCase]?.querySelector("a").focus();
  focusedCase = -1;
  byId("worst-hint").textContent = cases.length
    ? "Numbers behind metrics are the method's ranks on the pair; simple baselines and sources take no part where there are other methods."
    : `${reason[0].toUpperCase()}${reason.slice(1)}.`;
}

function caseItem(place, table, row, id, compared, [, mean, where, losses, best, bestMean]) {
  const [own, other] = [table.rows[row], table.rows[best]];
  const href = hashOf({ view: "pairs", id, left: other.method, right: own.method, order: WORST });
  const lost = losses.map(([metric, rank]) => `${table.metrics[metric].name} ${rank}`).join(", ");
  return el("li", {},
    el("h2", {}, el("a", { href }, id)),
    el("p", {}, `Mean rank ${written(mean, 2)}, place ${where} of ${compared}. Loses by ${lost}. Best of the others: ${titled(other)}, ${written(bestMean, 2)}.`),
    el("a", { href, class: "row", tabindex: -1, "aria-hidden": "true" }, ...casePictures(place, own, other, id)));
}

/** The sources, the method, the best other one, and what differs between these two. */
function casePictures(place, own, other, id) {
  const shown = [...place.columns.filter((column) => column.source && column.method !== own.method && column.method !== other.method), own, other];
  const pictures = shown.map((one) => [one.title, picture(place, one.method, id, ["fused"])]);
  const framed = ([title, source]) => (source ? el("figure", {}, lazy(source), el("figcaption", {}, title)) : null);
  const difference = differenceOf(place, own.method, other.method, id);
  return [...pictures.map(framed), difference && el("figure", {}, difference, el("figcaption", {}, "Difference of these two"))].filter(Boolean);
}

byId("method").addEventListener("change", (event) => change({ method: event.target.value }));
byId("more").addEventListener("click", () => {
  focusedCase = casesShown;
  casesShown += BATCH;
  draw();
});
