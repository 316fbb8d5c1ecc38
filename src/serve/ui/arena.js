/* Arena: one question, what each model says to it side by side, and which answer is preferred. */

import {announce, commands, el, empty, plural, problem, quote} from "./dom.js";
import {get, models, post, root_of, state, stream, TYPED} from "./server.js";

const TOKENS_MAX = 200;
const LETTERS = "ABCDEFGHIJKLMNOP";
const PROMPT = "/prompt";

/* ---- who answers -------------------------------------------------------------------------------------------------------------------- */

const is_rag = (arm) => arm.endsWith("/rag");
const is_tuned = (arm) => state.adapters.some((one) => one.name === root_of(arm));

/* A kept round may have been answered by who is no longer served, or typed by a person. */
function kind_of(arm) {
	if (arm === TYPED)
		return "typed by a person";
	if (!is_tuned(arm) && root_of(arm) !== state.model)
		return "no longer served";
	const how = is_rag(arm) ? "with passages" : arm.endsWith(PROMPT) ? "behind a prompt" : "alone";
	return `${is_tuned(arm) ? "tuned" : "base"}, ${how}`;
}

function model_flags(arm) {
	const adapter = state.adapters.find((one) => one.name === root_of(arm));
	return `--model ${quote(state.model_given)}${adapter ? ` --adapter ${quote(adapter.path)}` : ""}`;
}

function chat_command(arm) {
	const data = is_rag(arm) ? ` --data ${quote(state.data)}` : "";
	const prompt = arm.endsWith(PROMPT) ? ` --prompt ${quote(`${state.results}/eval/prompt.json`)}` : "";
	return `attune chat ${model_flags(arm)}${data}${prompt} --temperature 0`;
}

/* The chat that asks an arm. */
function asked(arm, question, prompt) {
	const front = arm.endsWith(PROMPT) ? prompt : [];
	return {model: arm.endsWith(PROMPT) ? root_of(arm) : arm, messages: [...front, {role: "user", content: question}], temperature: 0, max_tokens: TOKENS_MAX};
}

/* ---- one answer --------------------------------------------------------------------------------------------------------------------- */

function sources(passages) {
	if (!passages?.length)
		return null;
	return el("details", {class: "sources"}, el("summary", {}, plural(passages.length, "source")),
		el("ol", {}, passages.map((one) => el("li", {}, el("strong", {}, one.source), one.heading ? ` ${one.heading}` : "", el("p", {class: "said"}, one.text)))));
}

class Answer {
	constructor(round, arm, index) {
		this.round = round;
		this.arm = arm;
		this.name = el("h3", {id: `arm-${index}`});
		this.kind = el("p", {class: "quiet"});
		this.text = el("p", {class: "said", tabindex: "-1"});
		this.meta = el("p", {class: "quiet meta"});
		this.under = el("div");
		this.vote = el("button", {type: "button", class: "vote", "aria-pressed": "false"});
		this.node = el("article", {class: `answer ${is_tuned(arm) ? "tuned" : "base"}`, "aria-labelledby": `arm-${index}`},
			el("header", {}, this.name, this.kind), this.text, this.under, el("footer", {}, this.meta, this.vote));
		this.index = index;
	}

	/* Blind: who says it is told after the vote. */
	label() {
		const hidden = this.round.blind && !this.round.vote;
		this.name.textContent = hidden ? `Answer ${LETTERS[this.index]}` : this.arm;
		this.kind.textContent = hidden ? "" : kind_of(this.arm);
		this.node.classList.toggle("blind", hidden);
		const chosen = this.round.vote === this.arm;
		this.node.classList.toggle("chosen", chosen);
		this.vote.setAttribute("aria-pressed", String(chosen));
		this.vote.replaceChildren(el("kbd", {}, String(this.index + 1)), chosen ? " Preferred" : " Prefer this");
		const done = this.round.answers[this.arm];
		this.vote.disabled = this.round.arms.some((arm) => !this.round.answers[arm]);
		const look = done?.text ? el("p", {class: "quiet links"}, state.adapters.length ? el("a", {href: `#xray/${this.round.id}/${this.arm}`}, "X-ray") : null,
			state.results ? el("button", {type: "button", class: "link", onclick: () => this.review()}, "Review") : null) : null;
		this.under.replaceChildren(...(hidden ? [] : [sources(done?.passages ?? this.passages), look].filter(Boolean)));
	}

	/* The answer as a draft of the review. */
	async review() {
		try {
			await post("/page/review/add", {id: this.round.id, arm: this.arm});
			location.hash = "review";
		} catch (error) {
			this.under.append(problem(error));
		}
	}

	show() {
		const done = this.round.answers[this.arm];
		if (done) {
			this.text.textContent = done.text || "(nothing)";
			this.meta.textContent = done.finish_reason === "length" ? `cut at ${TOKENS_MAX} tokens` : "";
		}
		this.label();
	}

	async ask(prompt, signal) {
		const begun = performance.now();
		let text = "", first = 0, reason = "stop", n = 0;
		this.node.setAttribute("aria-busy", "true");
		this.meta.textContent = "waiting";
		try {
			await stream("/v1/chat/completions", asked(this.arm, this.round.question, prompt), signal, (event) => {
				this.passages = event.attune?.passages ?? this.passages;
				const [choice] = event.choices;
				if (choice?.delta.content) {
					first ||= performance.now();
					n++;
					text += choice.delta.content;
					this.text.textContent = text;
					this.meta.textContent = "writing";
				}
				reason = choice?.finish_reason ?? reason;
			});
			const passages = this.passages?.map(({source, heading, start, text: said}) => ({source, heading, start, text: said})) ?? [];
			const kept = await post("/page/arena/answer", {id: this.round.id, arm: this.arm, text, finish_reason: reason, passages});
			this.round.answers[this.arm] = kept.answers[this.arm]; /* only this one: replies to the others may have overtaken this */
			const seconds = (performance.now() - begun) / 1000;
			this.show();
			const cut = reason === "length" ? `cut at ${TOKENS_MAX} tokens, ` : "";
			this.meta.textContent = `${cut}${seconds.toFixed(1)} s${first ? `, first word after ${((first - begun) / 1000).toFixed(1)} s` : ""}`;
		} catch (error) {
			if (error.name !== "AbortError")
				this.meta.replaceChildren(problem(error));
		}
		this.node.removeAttribute("aria-busy");
	}
}

/* ---- the vote ----------------------------------------------------------------------------------------------------------------------- */

/* Values in the preferred answer that a right answer may have to name. */
function suggestions(text) {
	const found = text.match(/[$€£]?\d[\d.,:]*(?:\s?%|\s[a-z]{3,})?/g) ?? [];
	return [...new Set(found.map((one) => one.replace(/[.,:]$/, "").trim()))].slice(0, 4);
}

/* Which texts make an answer right: what turns a vote into a case that attune eval can ask again. */
function case_form(round, vote) {
	const field = el("input", {id: "says", value: (round.says ?? []).join(" | "), maxlength: "2000", "aria-describedby": "says-how"});
	const premise = el("input", {type: "checkbox", id: "premise", checked: round.false_premise === true});
	const said = el("p", {class: "quiet", role: "status"});
	const chips = suggestions(round.answers[round.vote]?.text ?? "").map((text) => el("button", {type: "button", class: "chip", onclick: () => {
		field.value = field.value ? `${field.value} | ${text}` : text;
		field.focus();
	}}, text));
	const save = async (event) => {
		event.preventDefault();
		const says = field.value.split("|").map((one) => one.trim()).filter(Boolean);
		try {
			await vote(round.vote, says, premise.checked);
			said.textContent = says.length || premise.checked ? `Kept in ${state.results}/cases.jsonl` : "The vote is kept, without a case.";
		} catch (error) {
			said.textContent = error.message;
		}
	};
	return el("form", {class: "case", onsubmit: save}, el("h3", {}, "Make it a case for attune eval"),
		el("label", {for: "says"}, "A right answer says"), field,
		el("p", {class: "quiet", id: "says-how"}, "A value or a few words that must stand in the answer, several divided by |."),
		chips.length ? el("p", {class: "chips"}, "From the answer: ", chips) : null,
		el("p", {class: "check"}, premise, el("label", {for: "premise"}, "The question asks about something that is not so")),
		el("p", {class: "row"}, el("button", {}, "Keep the case"), said));
}

/* ---- the screen --------------------------------------------------------------------------------------------------------------------- */

class Screen {
	constructor(main, book, arms) {
		this.book = book;
		this.arms = arms;
		this.abort = new AbortController();
		this.stage = el("section", {class: "stage", "aria-label": "Answers"});
		this.stage.addEventListener("keydown", (event) => this.key(event));
		this.past = el("section", {class: "past", "aria-label": "Earlier questions"});
		main.append(el("h1", {}, "Arena"), el("p", {class: "lead"}, "One question, put to every model at the same time. Say which answer you prefer; what you keep becomes a case for the next evaluation."),
			this.form(), this.stage, this.past, this.foot());
	}

	form() {
		const question = this.field = el("textarea", {id: "question", rows: "2", required: true, maxlength: "8000", placeholder: "How long are events kept?"});
		const boxes = this.arms.map((arm, i) => [el("input", {type: "checkbox", id: `use-${i}`, value: arm, checked: true}), el("label", {for: `use-${i}`}, arm)]);
		const blind = el("input", {type: "checkbox", id: "blind"});
		this.said = el("div");
		const ask = (event) => {
			event.preventDefault();
			const chosen = boxes.map(([box]) => box).filter((box) => box.checked).map((box) => box.value);
			if (question.value.trim() && chosen.length)
				this.ask(question.value.trim(), chosen, blind.checked);
		};
		question.addEventListener("keydown", (event) => {
			if (event.key === "Enter" && !event.shiftKey && !event.isComposing)
				ask(event);
		});
		return el("form", {class: "ask", onsubmit: ask}, el("label", {for: "question"}, "Question"), question,
			el("div", {class: "row"}, el("fieldset", {class: "arms"}, el("legend", {class: "hidden"}, "Models to ask"), boxes.map((pair) => el("span", {class: "pill"}, pair))),
				el("span", {class: "check"}, blind, el("label", {for: "blind"}, "Blind: names after the vote")), el("button", {}, "Ask")), this.said);
	}

	foot() {
		const list = this.arms.map((arm) => [kind_of(arm), chat_command(arm)]);
		const tuned = this.arms.find(is_tuned);
		if (this.book.cases)
			list.push(["evaluate on the kept cases", `attune eval ${model_flags(tuned ?? state.model)}${tuned ? "" : " --adapter RUN/adapter"} --data ${state.data ? quote(state.data) : "DIR/.attune/data"} --questions ${quote(this.book.cases)} --out ${quote(`${state.results}/eval-cases`)}`]);
		return commands(list);
	}

	async ask(question, arms, blind) {
		const order = blind ? arms.map((arm) => [Math.random(), arm]).sort((a, b) => a[0] - b[0]).map(([, arm]) => arm) : arms;
		try {
			this.abort.abort();
			this.abort = new AbortController();
			const round = await post("/page/arena/ask", {question, arms: order, blind});
			this.said.replaceChildren();
			this.field.value = "";
			this.book.rounds.unshift(round);
			await this.open(round);
		} catch (error) {
			this.said.replaceChildren(problem(error));
		}
	}

	/* Shows a round, and asks who has not answered yet: after a reload, too. */
	async open(round) {
		this.round = round;
		const answers = this.answers = round.arms.map((arm, i) => new Answer(round, arm, i));
		for (const one of answers)
			one.vote.addEventListener("click", () => this.prefer(one.arm));
		this.none = el("button", {type: "button", class: "plain", onclick: () => this.prefer("none")}, el("kbd", {}, "0"), " None is good");
		this.below = el("div");
		this.stage.replaceChildren(el("h2", {}, round.question), el("div", {class: "answers"}, answers.map((one) => one.node)), el("p", {class: "row"}, this.none), this.below);
		this.update();
		this.list();
		for (const one of answers)
			one.show();
		const open = answers.filter((one) => !round.answers[one.arm]);
		if (!open.length)
			return;
		const {signal} = this.abort;
		announce(`Asking ${plural(open.length, "model")}.`);
		await Promise.all(open.map((one) => one.ask(this.book.prompt ?? [], signal)));
		if (signal.aborted || this.round !== round)
			return;
		announce("All answers are there.");
		this.update();
	}

	update() {
		const {round} = this;
		const whole = round.arms.every((arm) => round.answers[arm]);
		for (const one of this.answers)
			one.label();
		this.none.hidden = !whole;
		this.none.setAttribute("aria-pressed", String(round.vote === "none"));
		this.below.replaceChildren();
		if (round.vote && !this.book.cases)
			this.below.append(empty("This vote is not kept", "The server has no results folder to keep it in. Start it with one, and votes outlive it:", `attune serve ${model_flags(this.arms.find(is_tuned) ?? state.model)} --results sample/.attune`));
		else if (round.vote)
			this.below.append(case_form(round, (...what) => this.vote(...what)));
	}

	async vote(vote, says, false_premise) {
		Object.assign(this.round, await post("/page/arena/vote", {id: this.round.id, vote, says, false_premise}));
		this.list();
	}

	async prefer(arm) {
		const {round} = this;
		try {
			await this.vote(arm, round.says ?? [], round.false_premise ?? false);
			this.update();
			announce(arm === "none" ? "Noted: none of them." : `Noted: ${arm}.`);
		} catch (error) {
			this.below.replaceChildren(problem(error));
		}
	}

	/* 1, 2, ... prefer an answer and 0 none of them, while the focus is among the answers. */
	key(event) {
		if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey || !/^[0-9]$/.test(event.key))
			return;
		const one = this.answers[Number(event.key) - 1];
		if (event.key === "0" && !this.none.hidden)
			this.prefer("none");
		else if (one && !one.vote.disabled)
			this.prefer(one.arm);
	}

	list() {
		const rounds = this.book.rounds.filter((one) => one !== this.round);
		if (!rounds.length) {
			this.past.replaceChildren();
			return;
		}
		const line = (one) => el("li", {}, el("button", {type: "button", class: "line", onclick: () => {
			this.abort.abort();
			this.abort = new AbortController();
			this.open(one);
			this.stage.scrollIntoView();
			this.answers[0]?.text.focus({preventScroll: true});
		}}, el("span", {}, one.question), el("span", {class: "quiet"}, one.vote ? (one.vote === "none" ? "none was good" : `preferred: ${one.vote}`) : "no vote yet")));
		this.past.replaceChildren(el("h2", {}, "Earlier questions"), el("ul", {class: "lines"}, rounds.map(line)));
	}
}

export async function arena(main) {
	const [book, list] = await Promise.all([get("/page/arena"), models()]);
	const names = list.map((one) => one.id);
	const arms = book.prompt ? [names[0], `${names[0]}${PROMPT}`, ...names.slice(1)] : names;
	const screen = new Screen(main, book, arms);
	if (book.rounds.length)
		screen.open(book.rounds[0]);
	else
		screen.stage.append(arms.length > 1 ? el("p", {class: "quiet hint"}, "Nothing was asked yet.") : empty("There is only one model to ask", "Serve an adapter and a data folder beside it, and their answers stand next to each other:", `attune serve --model ${quote(state.model_given)} --adapter DIR/.attune/run-XXXX/adapter=ours --results DIR/.attune`));
	screen.field.focus({preventScroll: true});
	return () => screen.abort.abort();
}
