/* X-ray: what tuning changed in an answer, token by token, and what the documents say about it. */

import {announce, commands, el, empty, plural, problem, quote, scroll} from "./dom.js";
import {get, post, root_of, state, TYPED} from "./server.js";

const STEPS = [0.25, 1, 2.5]; /* nats that make a change slight, plain, strong */

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const chance = (logprob) => `${(100 * Math.exp(logprob)).toPrecision(2)} %`;

/* The likelihood of every token behind those in front of it, by a model. */
async function score(model, found) {
	const got = await post("/v1/completions", {model, prompt: found.ids, echo: true, max_tokens: 0, logprobs: 3, temperature: 0});
	const {token_logprobs, top_logprobs} = got.choices[0].logprobs;
	return found.tokens.map((_, i) => ({logprob: token_logprobs[found.first + i], top: top_logprobs[found.first + i] ?? {}}));
}

/* -3 to 3: how much likelier tuning made it. */
function grade(change) {
	const strength = STEPS.filter((step) => Math.abs(change) >= step).length;
	return change < 0 ? -strength : strength;
}

const visible = (text) => text.replaceAll("\n", "↵\n") || "∅";

function rank(top) {
	return Object.entries(top).sort((a, b) => b[1] - a[1]).map(([text, logprob]) => `“${visible(text)}” ${chance(logprob)}`).join(", ");
}

class View {
	constructor(found, base, tuned, name) {
		this.tokens = found.tokens.map((token, i) => ({...token, base: base[i], tuned: tuned[i], change: tuned[i].logprob - base[i].logprob,
			marks: found.marks.filter((mark) => mark.start < token.end && mark.end > token.start)}));
		this.found = found;
		this.name = name;
		this.detail = el("div", {class: "detail", role: "status", "aria-live": "polite"}, el("p", {class: "quiet"}, "Point at a token, or go through them with the arrow keys."));
		this.source = el("div");
	}

	token(token, i) {
		const kinds = token.marks.map((mark) => `mark-${mark.kind}`).join(" ");
		const node = el("button", {type: "button", class: `token g${grade(token.change)} ${kinds}`, tabindex: i ? "-1" : "0",
			"aria-label": `${visible(token.text)}: ${signed(token.change)}${token.marks.map((mark) => `, ${this.say(mark)}`).join("")}`}, visible(token.text));
		node.addEventListener("focus", () => this.show(token));
		node.addEventListener("mouseenter", () => this.show(token));
		node.addEventListener("click", () => this.open(token));
		return node;
	}

	say(mark) {
		if (mark.kind === "term")
			return mark.instead ? `the company says “${mark.instead}”` : "the company does not say this";
		if (mark.kind === "supported")
			return `the documents say so: ${mark.source}`;
		return `the documents do not say so${mark.instead ? `; there: ${mark.instead}` : ""}`;
	}

	show(token) {
		this.detail.replaceChildren(el("p", {}, el("strong", {class: "token-name"}, visible(token.text)), " ", el("span", {}, `${signed(token.change)} nats`)),
			el("dl", {class: "pairs"}, [["base", `${chance(token.base.logprob)}, ${token.base.logprob.toFixed(2)}; likeliest: ${rank(token.base.top)}`],
				[this.name, `${chance(token.tuned.logprob)}, ${token.tuned.logprob.toFixed(2)}; likeliest: ${rank(token.tuned.top)}`]]
				.map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])), ...token.marks.map((mark) => el("p", {class: mark.kind === "supported" ? "good" : "bad"}, this.say(mark))));
	}

	/* The passage that a claim leans on. */
	open(token) {
		this.show(token);
		const mark = token.marks.find((one) => one.source);
		const section = mark && this.found.sources.find((one) => one.source === mark.source && one.heading === mark.heading);
		if (!section)
			return;
		this.source.replaceChildren(el("section", {class: "passage", tabindex: "-1", "aria-label": "Source"}, el("h3", {}, section.source), el("p", {class: "quiet"}, section.heading), el("p", {class: "said"}, section.text)));
		this.source.firstChild.focus();
	}

	/* One stop for Tab; the arrows go from token to token. */
	move(event, nodes) {
		const step = {ArrowRight: 1, ArrowLeft: -1, Home: -nodes.length, End: nodes.length}[event.key];
		if (!step)
			return;
		event.preventDefault();
		const at = nodes.indexOf(document.activeElement), next = nodes[Math.max(0, Math.min(nodes.length - 1, at + step))];
		for (const node of nodes)
			node.tabIndex = node === next ? 0 : -1;
		next.focus();
	}

	summary() {
		const sum = (side) => this.tokens.reduce((total, token) => total + token[side].logprob, 0);
		const up = this.tokens.filter((token) => token.change >= STEPS[1]).length, down = this.tokens.filter((token) => token.change <= -STEPS[1]).length;
		const claims = this.found.marks.filter((mark) => mark.kind === "unsupported").length, terms = this.found.marks.filter((mark) => mark.kind === "term").length;
		return el("dl", {class: "figures"}, [["nats, base", sum("base").toFixed(1)], [`nats, ${this.name}`, sum("tuned").toFixed(1)], ["tokens", this.tokens.length], ["made likelier", up], ["made unlikelier", down],
			...(this.found.has_data ? [["claims without support", claims], ["forbidden terms", terms]] : [])].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
	}

	legend() {
		const key = [[-3, "much unlikelier"], [-2, ""], [-1, ""], [0, "as before"], [1, ""], [2, ""], [3, "much likelier"]];
		return el("p", {class: "legend quiet"}, key.map(([g, text]) => [el("span", {class: `token g${g}`, "aria-hidden": "true"}, g > 0 ? "+" : g < 0 ? "−" : "0"), text ? ` ${text} ` : null]),
			this.found.has_data ? [el("span", {class: "mark-supported"}, "in the documents"), " ", el("span", {class: "mark-unsupported"}, "not in the documents"), " ", el("span", {class: "mark-term"}, "forbidden term")] : null);
	}

	table() {
		const head = ["token", "base", this.name, "change", "documents"];
		return el("details", {}, el("summary", {}, "Every token as a table"), scroll("Every token", el("table", {},
			el("thead", {}, el("tr", {}, head.map((name) => el("th", {scope: "col"}, name)))),
			el("tbody", {}, this.tokens.map((token) => el("tr", {}, el("th", {scope: "row"}, el("code", {}, visible(token.text))), el("td", {class: "number"}, token.base.logprob.toFixed(2)), el("td", {class: "number"}, token.tuned.logprob.toFixed(2)),
				el("td", {class: "number"}, signed(token.change)), el("td", {}, token.marks.map((mark) => this.say(mark)).join("; "))))))));
	}

	node() {
		const nodes = this.tokens.map((token, i) => this.token(token, i));
		const text = el("div", {class: "tokens", role: "group", "aria-label": "The answer, token by token", onkeydown: (event) => this.move(event, nodes)}, nodes);
		return el("div", {class: "xray"}, this.summary(), text, this.legend(), this.detail, this.source, this.table());
	}
}

/* ---- the screen --------------------------------------------------------------------------------------------------------------------- */

function row_command(name) {
	const adapter = state.adapters.find((one) => one.name === name);
	return [["score it with the adapter; without --adapter it is the base", `attune score --model ${quote(state.model_given)} --adapter ${quote(adapter.path)} --in rows.jsonl --out scores.jsonl`],
		...(state.data ? [["claims and terms", `attune lint answer.md --data ${quote(state.data)}`]] : [])];
}

/* Any text to look into, kept as a round of its own so that a reload finds it. */
function typed_form() {
	const question = el("textarea", {id: "xq", rows: "2", required: true}), answer = el("textarea", {id: "xa", rows: "3", required: true}), said = el("div");
	const submit = async (event) => {
		event.preventDefault();
		try {
			const round = await post("/page/arena/ask", {question: question.value.trim(), arms: [TYPED], blind: false});
			await post("/page/arena/answer", {id: round.id, arm: TYPED, text: answer.value.trim(), finish_reason: "stop", passages: []});
			location.hash = `xray/${round.id}/${TYPED}`;
		} catch (error) {
			said.replaceChildren(problem(error));
		}
	};
	return el("details", {class: "typed"}, el("summary", {}, "Look into another text"), el("form", {class: "case", onsubmit: submit}, el("label", {for: "xq"}, "Question"), question,
		el("label", {for: "xa"}, "Answer"), answer, said, el("p", {class: "row"}, el("button", {}, "Look into it"))));
}

function chooser(rounds, id, arm) {
	const choices = rounds.flatMap((round) => Object.keys(round.answers).map((name) => [`${round.id}/${name}`, `${name}: ${round.question.slice(0, 90)}`]));
	const select = el("select", {id: "which", onchange: () => { location.hash = `xray/${select.value}`; }}, choices.map(([value, text]) => el("option", {value, selected: value === `${id}/${arm}`}, text)));
	return el("div", {class: "choose"}, el("label", {for: "which"}, "Answer"), select);
}

/* What stands in front of the answer here is not all that stood there when it was given. */
function caveat(arm) {
	return arm.endsWith("/prompt") ? "Scored behind the question alone: the prompt that the answer was given behind is left out." :
		arm.endsWith("/rag") ? "Scored behind the passages that are found now; other ones may have been found when the answer was given." : null;
}

async function look(place, round, arm, name) {
	const answer = round.answers[arm];
	place.replaceChildren(el("p", {class: "quiet"}, "Scoring the answer with and without the adapter."));
	try {
		const found = await post("/page/xray", {question: round.question, answer: answer.text, rag: arm.endsWith("/rag")});
		const [base, tuned] = await Promise.all([score(state.model, found), score(name, found)]);
		const said = caveat(arm);
		place.replaceChildren(...(said ? [el("p", {class: "quiet"}, said)] : []), new View(found, base, tuned, name).node());
		announce(`${plural(found.tokens.length, "token")} scored.`);
	} catch (error) {
		place.replaceChildren(problem(error));
	}
}

export async function xray(main, rest) {
	const {rounds} = await get("/page/arena");
	const answered = rounds.filter((one) => Object.values(one.answers).some((answer) => answer.text));
	main.append(el("h1", {}, "X-ray"), el("p", {class: "lead"}, "What training changed in an answer: how likely each token is with the adapter and without it, and what the documents say about the answer."));
	if (!state.adapters.length) {
		main.append(empty("There is no adapter to compare with", "The server has the base alone. Serve what a training made beside it:", `attune serve --model ${quote(state.model_given)} --adapter DIR/.attune/run-XXXX/adapter=ours --results DIR/.attune`));
		return;
	}
	const round = answered.find((one) => one.id === rest[0]) ?? answered[0];
	if (!round) {
		main.append(el("p", {}, "No answer was kept yet. ", el("a", {href: "#arena"}, "Ask something in the arena"), ", or look into a text of your own."), typed_form());
		return;
	}
	const asked = rest.slice(1).join("/");
	const arms = Object.keys(round.answers).filter((name) => round.answers[name].text);
	const arm = arms.includes(asked) ? asked : arms.includes(round.vote) ? round.vote : arms.at(-1);
	const name = state.adapters.find((one) => one.name === root_of(arm))?.name ?? state.adapters[0].name;
	const place = el("div", {class: "place"});
	main.append(chooser(answered, round.id, arm), el("section", {"aria-labelledby": "xq-title"}, el("h2", {id: "xq-title"}, round.question), place), typed_form(), commands(row_command(name)));
	await look(place, round, arm, name);
}
