"use strict";
// What all views share: data that arrives as scripts, elements made of text, and the state that the address holds.

const provided = new Map();
const loading = new Map();

function provide(name, value) {
  provided.set(name, value);
}

/** The value of data/<name>.js, loaded once. */
function load(name) {
  if (!loading.has(name)) {
    loading.set(name, provided.has(name) ? Promise.resolve(provided.get(name)) : new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onload = () => resolve(provided.get(name));
      script.onerror = () => reject(new Error(`data/${name}.js is missing`));
      document.head.append(script);
    }));
  }
  return loading.get(name);
}

const byId = (id) => document.getElementById(id);

/** An element; children are elements or texts, never markup. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const address = (...parts) => parts.map(encodeURIComponent).join("/");
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const ARROWS = { 1: " ↑", 0: "", "-1": " ↓" };
/** The name of a metric, typeset. */
const typeset = ({ symbol, head, name }) => (!symbol ? head ?? name : el("span", {}, symbol.base,
  symbol.below ? el("sub", {}, symbol.below) : null, symbol.above ? el("sup", {}, symbol.above) : null));
const WAYS = { 1: "higher is better", 0: "neither way is better", "-1": "lower is better" };

/** A number as stored: undefined where there is none, infinities as words. */
function value(stored) {
  if (stored == null) return undefined;
  return typeof stored === "number" ? stored : { inf: Infinity, "-inf": -Infinity }[stored];
}

function written(stored, digits) {
  const number = value(stored);
  if (number === undefined) return "—";
  return Number.isFinite(number) ? number.toFixed(digits).replace("-", "−") : number > 0 ? "∞" : "−∞";
}

/** A score of one image, with as many digits as its metric's means. */
const digitsOf = (table, metric) =>
  table.rows.map((row) => row.cells[metric].digits).find((digits) => digits !== undefined) ?? 3;

// The state: what is looked at. The address holds it, so that a view can be linked to and the back button works.

const data = provided.get.bind(provided);
const state = { view: "board", place: "", protocol: "", output: "", sort: "", down: "", show: "mean", id: "", left: "", right: "", boxes: "",
  order: "", method: "", division: "", setup: "", baselines: "" };
const FIELDS = { board: ["place", "protocol", "sort", "down", "show", "output", "baselines"],
  detection: ["division", "setup", "sort", "down", "show", "baselines"],
  pairs: ["place", "protocol", "id", "left", "right", "boxes", "order", "output"], worst: ["place", "protocol", "method", "output"],
  figures: ["place", "protocol"] };

function hashOf(changes = {}) {
  const next = { ...state, ...changes };
  const values = FIELDS[next.view].map((field) => encodeURIComponent(next[field]));
  while (values.length && values[values.length - 1] === "") values.pop();
  return `#${[next.view, ...values].join("/")}`;
}

/** Take the state from the address. What it leaves out is as nobody chose it. */
function readHash() {
  const [view, ...values] = location.hash.slice(1).split("/");
  if (!(view in FIELDS)) return false;
  state.view = view;
  FIELDS[view].forEach((field, i) => {
    try {
      state[field] = decodeURIComponent(values[i] ?? "");
    } catch {
      state[field] = "";
    }
  });
  return true;
}

/** Change the state and draw again; without a step in the history. */
function change(changes) {
  Object.assign(state, changes);
  draw();
}

/** The table of the place, protocol and output chosen, and its number; undefined where only pictures are there. */
function currentTable() {
  const number = data("index").tables.findIndex((t) => t.place === state.place && t.protocol === state.protocol && t.output === state.output);
  return number < 0 ? {} : { table: data("index").tables[number], number };
}

const currentPlace = () => data("index").places.find((place) => place.name === state.place);
const protocolsOf = (name) => [...new Set(data("index").tables.filter((t) => t.place === name).map((t) => t.protocol))];
const outputsOf = (name, protocol) => data("index").tables.filter((t) => t.place === name && t.protocol === protocol).map((t) => t.output);

const optionsOf = (options) => options.map(([key, text]) => el("option", { value: key }, text));

function fill(select, options, chosen) {
  select.replaceChildren(...optionsOf(options));
  select.value = chosen;
}

/** Groups with a title, those that hold anything; a single one needs none. */
function fillGroups(select, groups, chosen) {
  const full = groups.filter(([, options]) => options.length);
  select.replaceChildren(...full.flatMap(([label, options]) =>
    (full.length > 1 ? [el("optgroup", { label }, ...optionsOf(options))] : optionsOf(options))));
  select.value = chosen;
}

/** The best-ranked row that is no simple baseline, or else the best-ranked; undefined where there is no row. */
function bestRow(table) {
  const rank = (row) => (row.naive ? 1e6 : 0) + (value(row.rank?.place) ?? 1e9);
  return [...table.rows].sort((a, b) => rank(a) - rank(b))[0];
}

const titled = (row) => row.title + row.signs;
