/* Train: runs as they go, one laid over another. What begins and stops one: training.js. */

import {announce, commands, el, empty, problem, quote, scroll} from "./dom.js";
import {get, state} from "./server.js";
import {chart} from "./chart.js";
import {Control, command_of} from "./training.js";

const PERIOD_MS = 2000, COLOURS = 5, RECENT = 20;

function duration(seconds) {
	if (seconds < 90)
		return `${Math.round(seconds)} s`;
	return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/* Seconds of a step: tokens over tokens a second. */
const seconds_of = (line) => line.tokens / line.tokens_per_s;

/* The middle half of the last steps says how long the others take: a range, since load changes. */
function left(lines, total) {
	const recent = lines.filter((line) => line.tokens_per_s > 0).slice(-RECENT).map(seconds_of).sort((a, b) => a - b);
	const steps = total - lines.at(-1).step;
	if (recent.length < 3 || !(steps > 0))
		return null;
	const at = (share) => recent[Math.floor(share * (recent.length - 1))] * steps;
	const [low, high] = [duration(at(0.25)), duration(at(0.75))];
	return low === high ? low : `${low} to ${high}`;
}

class Run {
	constructor({name, folder}, index) {
		Object.assign(this, {name, folder, index, shown: index < 2});
		this.begin();
	}

	/* From its first line on: also when it goes on from a checkpoint, which may be behind what was read. */
	begin() {
		Object.assign(this, {lines: [], next: 0, result: null});
	}

	async read() {
		if (this.result)
			return false;
		let got, news = false;
		do {
			got = await get(`/page/train/${encodeURIComponent(this.name)}/${this.next}`);
			if (got.next < this.next)
				this.lines = [];
			this.lines.push(...got.lines);
			this.next = got.next;
			news ||= got.lines.length > 0 || got.result !== null;
		} while (got.lines.length >= 5000);
		this.result = got.result;
		return news;
	}

	curve(line, ring) {
		const points = (key) => this.lines.filter((one) => Number.isFinite(one[key])).map((one) => [one.step, one[key]]);
		return {class: `run c${this.index % COLOURS}`, line: points(line), rings: ring ? points(ring) : []};
	}

	figures() {
		const last = this.lines.at(-1), steps = this.lines.filter((one) => one.tokens_per_s), trained = steps.at(-1);
		const valid = this.lines.filter((one) => Number.isFinite(one.eval_loss));
		const best = valid.reduce((low, one) => (low && low.eval_loss <= one.eval_loss ? low : one), null);
		const total = last?.total_steps, remaining = !this.result && total ? left(this.lines, total) : null;
		return [["step", last ? `${last.step}${total ? ` of ${total}` : ""}` : "–"], ["loss", trained ? trained.loss.toFixed(3) : "–"],
			["validation", valid.length ? valid.at(-1).eval_loss.toFixed(3) : "–"], ["lowest", best ? `${best.eval_loss.toFixed(3)} at step ${best.step}` : "–"],
			["tokens/s", trained ? String(Math.round(steps.slice(-RECENT).reduce((sum, one) => sum + one.tokens, 0) / steps.slice(-RECENT).reduce((sum, one) => sum + seconds_of(one), 0))) : "–"],
			["memory", last ? `${(last.rss_mb / 1024).toFixed(2)} GB` : "–"], this.result ? ["ended after", duration(this.result.seconds)] : ["left", remaining ?? "–"]];
	}
}

class Screen {
	constructor(main) {
		this.runs = [];
		this.control = new Control(main);
		this.boxes = el("fieldset", {class: "arms runs"}, el("legend", {class: "hidden"}, "Runs to show"));
		this.plots = el("section", {"aria-label": "Curves"});
		this.table = el("section", {"aria-label": "Figures"});
		this.trouble = el("div");
		this.foot = el("div");
		main.append(this.boxes, this.trouble, this.plots, this.table, this.foot);
	}

	box(run) {
		const box = el("input", {type: "checkbox", id: `run-${run.index}`, checked: run.shown, onchange: () => {
			run.shown = box.checked;
			this.draw();
		}});
		return el("span", {class: `pill run c${run.index % COLOURS}`}, box, el("label", {for: `run-${run.index}`}, el("span", {class: "swatch", "aria-hidden": "true"}), run.name));
	}

	/* Whether there is a run that was not there before, or one that goes on. */
	take({runs, training}) {
		const fresh = runs.filter((one) => !this.runs.some((run) => run.name === one.name));
		for (const one of fresh) {
			const run = new Run(one, this.runs.length);
			run.shown ||= one.name === training?.run;
			this.runs.push(run);
			this.boxes.append(this.box(run));
		}
		const started = training?.started ?? null, begun = this.started !== undefined && this.started !== started;
		if (begun)
			this.runs.find((run) => run.name === training?.run)?.begin();
		this.started = started;
		return begun || fresh.length > 0;
	}

	draw() {
		const shown = this.runs.filter((run) => run.shown && run.lines.length);
		if (!shown.length) {
			this.plots.replaceChildren(this.runs.length ? el("p", {class: "quiet hint"}, "No run is chosen.") : nothing(this.control.cannot));
			this.table.replaceChildren();
			return;
		}
		const plot = (title, unit, line, ring) => el("figure", {}, el("figcaption", {}, title), chart(`${title}: ${shown.map((run) => run.name).join(", ")}`, unit, shown.map((run) => run.curve(line, ring))));
		this.plots.replaceChildren(el("div", {class: "plots"}, plot("Loss; dashed with rings: validation", "nats a token", "loss", "eval_loss"), plot("Speed", "tokens a second", "tokens_per_s")));
		const names = shown[0].figures().map(([name]) => name);
		this.table.replaceChildren(scroll("Figures of the runs", el("table", {},
			el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "run"), names.slice(0, -1).map((name) => el("th", {scope: "col"}, name)), el("th", {scope: "col"}, "time"))),
			el("tbody", {}, shown.map((run) => {
				const figures = run.figures(), [what, when] = figures.pop();
				return el("tr", {}, el("th", {scope: "row"}, run.name), figures.map(([, value]) => el("td", {class: "number"}, value)), el("td", {class: "number"}, `${what} ${when}`));
			})))));
	}

	/* Of the run that is being trained. */
	how_far() {
		const run = this.runs.find((one) => one.name === this.control.training?.run && one.lines.length);
		if (!run)
			return "";
		const {step, loss, "tokens/s": rate, left: time} = Object.fromEntries(run.figures());
		return `step ${step}, loss ${loss}, ${rate} tokens/s${time && time !== "–" ? `, ${time} left` : ""}`;
	}

	async follow() {
		try {
			const now = await get("/page/train");
			this.control.take(now);
			const changed = this.take(now), news = await Promise.all(this.runs.map((run) => run.read()));
			this.trouble.replaceChildren();
			if (this.control.running)
				this.control.say(this.how_far());
			if (changed || news.some(Boolean) || !this.drawn)
				this.draw();
			if (this.drawn && this.runs.some((run, i) => news[i] && run.result && run.name !== now.training?.run))
				announce("A run has ended.");
			this.drawn = true;
			foot(this.foot, now);
		} catch (error) {
			this.trouble.replaceChildren(problem(error));
		}
		if (!this.closed)
			this.timer = setTimeout(() => this.follow(), PERIOD_MS);
	}

	close() {
		this.closed = true;
		clearTimeout(this.timer);
	}
}

function nothing(cannot) {
	return empty("There is no run to watch", cannot ? "Begin one, and name its folder when the server is started." : "Begin one above, or with the command below.");
}

/* The commands of what is seen, written anew only when they are others: somebody may be copying one. */
function foot(where, {runs, training}) {
	const model = quote(state.model_given), data = quote(state.data ?? "DIR/.attune/data"), folder = quote(runs[0]?.folder ?? "run");
	const list = [["train, or go on where it was", training ? command_of(training) : `attune train --model ${model} --data ${data} --out ${folder}`]];
	if (training?.state === "done")
		list.push(["serve what it made", `attune serve --model ${model} --results ${quote(state.results)} --adapter ${quote(`${training.folder}/adapter=${training.run}`)}`]);
	if (!runs.length)
		list.push(["watch it", `attune serve --model ${model} --run run`]);
	const key = JSON.stringify(list);
	if (where.dataset.key !== key)
		where.replaceChildren(commands(list));
	where.dataset.key = key;
}

export async function train(main) {
	main.append(el("h1", {}, "Train"), el("p", {class: "lead"}, "Runs as they go: loss, validation, speed, memory and the time that is left. A run that was stopped goes on where it was, from here or when its command is given again."));
	const screen = new Screen(main);
	await screen.follow();
	return () => screen.close();
}
