/* Report: was it worth it, in numbers with their intervals; the whole reports are pages of their own. */

import {commands, el, empty, quote, scroll, svg} from "./dom.js";
import {get, state} from "./server.js";

const WIDTH = 120, STEP = 14;
const SHARES = ["known", "unseen", "false_premise", "over_refusal", "terms", "style", "unsupported"];

const percent = (value) => `${Math.round(100 * value)} %`;

function said(axis, estimate) {
	if (!estimate?.n)
		return ["–", ""];
	const form = axis.endsWith("_text") ? (value) => value.toFixed(3) : percent; // bits per byte, as in the terminal's table
	const range = estimate.low === null || estimate.low === undefined ? "" : `${form(estimate.low)} to ${form(estimate.high)}`;
	return [form(estimate.value), range];
}

/* The arms of an axis as dots on their intervals, in the order of the columns. */
function plot(axis, arms) {
	const shown = arms.map((one, i) => [one, i]).filter(([one]) => one?.n);
	const values = shown.flatMap(([one]) => [one.value, one.low ?? one.value, one.high ?? one.value]);
	const share = SHARES.includes(axis), from = share ? 0 : Math.min(...values), to = share ? 1 : Math.max(...values);
	const x = (value) => 6 + (value - from) / (to - from || 1) * (WIDTH - 12);
	return svg("svg", {width: WIDTH, height: arms.length * STEP, "aria-hidden": "true", class: "plot"},
		shown.map(([one, i]) => [svg("path", {d: `M${x(one.low ?? one.value)} ${i * STEP + 7}H${x(one.high ?? one.value)}`}), svg("circle", {cx: x(one.value), cy: i * STEP + 7, r: 4})]));
}

function cell(axis, line, name) {
	const [value, range] = said(axis, line.arms[name]), change = line.change?.[name];
	const good = {better: "good", worse: "bad"}[change?.reading] ?? "quiet";
	return el("td", {class: "number"}, value, range ? el("small", {}, range) : null, change?.reading ? el("small", {class: good}, change.reading) : null);
}

function measures(evaluation) {
	const names = Object.keys(Object.values(evaluation.axes)[0].arms);
	const lines = Object.entries(evaluation.axes).filter(([, line]) => Object.values(line.arms).some((one) => one.n));
	return scroll("What was measured", el("table", {},
		el("caption", {}, "Ranges are 95 % intervals; better and worse are against the first column."),
		el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "Measure"), names.map((name) => el("th", {scope: "col"}, name)), el("th", {scope: "col"}, "Intervals"))),
		el("tbody", {}, lines.map(([axis, line]) => el("tr", {}, el("th", {scope: "row"}, line.name), names.map((name) => cell(axis, line, name)),
			el("td", {}, plot(axis, names.map((name) => line.arms[name]))))))));
}

function verdict(evaluation) {
	return el("section", {"aria-label": "Verdict"}, el("p", {class: `verdict ${evaluation.worth_it ? "yes" : ""}`}, evaluation.verdict),
		el("p", {class: "quiet"}, `Recommended: ${evaluation.best}`));
}

function whole(href, title, what) {
	return el("p", {class: "row"}, el("a", {class: "button", href}, title), el("span", {class: "quiet"}, what));
}

function documents(found) {
	const {counts} = found;
	const held = (found.documents ?? []).filter((one) => one.unseen).length;
	return el("section", {"aria-labelledby": "data"}, el("h2", {id: "data"}, "What there was to learn"),
		el("dl", {class: "figures"}, [["documents", counts.documents], ["held out", held], ["left out", counts.skipped], ["facts", counts.facts], ["rows to train on", counts.train]]
			.map(([name, n]) => el("div", {}, el("dt", {}, name), el("dd", {}, n.toLocaleString("en"))))),
		found.has_data ? whole("/report/data", "Everything about the data", "contradictions, copies, what gave no question, terms") : null);
}

export async function report(main) {
	const found = await get("/page/report");
	const adapter = state.adapters[0];
	const data = state.data ?? "DIR/.attune/data", results = state.results ?? "DIR/.attune";
	const line = `attune eval --model ${quote(state.model_given)} --data ${quote(data)}${adapter ? ` --adapter ${quote(adapter.path)}` : " --adapter RUN/adapter"} --questions questions.jsonl --out ${quote(`${results}/eval`)}`;
	main.append(el("h1", {}, "Report"), el("p", {class: "lead"}, "Whether the training was worth it, and what it was made from."));
	if (found.eval)
		main.append(verdict(found.eval), el("section", {"aria-label": "Measures"}, measures(found.eval), found.has_eval ? whole("/report/eval", "The whole report", "every question with every answer") : null));
	else
		main.append(empty("There is no evaluation yet", state.results ? "Nothing was found in eval/ of the results folder. This measures base and adapter:" : "Start the server with the folder that attune run wrote:",
			state.results ? line : `attune serve --model ${quote(state.model_given)} --results DIR/.attune`));
	if (found.counts)
		main.append(documents(found));
	main.append(commands([["evaluate again", line], ["curate again", `attune curate --in DIR --out ${quote(data)}`]]));
}
