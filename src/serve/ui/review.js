/* Review: one draft after another, its evidence beside it, decided by single keys. */

import {announce, commands, el, empty, plural, problem, quote} from "./dom.js";
import {get, post, state} from "./server.js";
import {difference} from "./diff.js";

const REASONS = ["term", "fact", "tone", "format", "pii"];
const KEYS = {a: "accept", e: "edit", x: "reject", s: "skip", u: "undo"};
const NAMES = {accept: "Accept", edit: "Edit", reject: "Reject", skip: "Skip", undo: "Undo"};

function say(finding) {
	if (finding.kind === "unsupported" || finding.kind === "claim")
		return `the documents do not say so${finding.instead ? `; there: ${finding.instead}` : ""}`;
	if (finding.kind === "supported")
		return `the documents say so: ${finding.source}`;
	return finding.message ?? (finding.instead ? `the company says “${finding.instead}”` : finding.kind);
}

const mark_of = (kind) => ({supported: "mark-supported", unsupported: "mark-unsupported", claim: "mark-unsupported"})[kind] ?? "mark-term";

/* The draft with its findings underlined; their places are bytes. */
function highlighted(text, findings) {
	const bytes = new TextEncoder().encode(text), decoder = new TextDecoder();
	const piece = (from, to) => decoder.decode(bytes.slice(from, to));
	const out = [];
	let at = 0;
	for (const one of [...findings].sort((a, b) => a.start - b.start)) {
		if (!(one.start >= at && one.end > one.start && one.end <= bytes.length))
			continue;
		out.push(piece(at, one.start), el("span", {class: mark_of(one.kind), title: say(one)}, piece(one.start, one.end)));
		at = one.end;
	}
	return [...out, piece(at, bytes.length)];
}

class Desk {
	constructor(main) {
		this.place = el("div");
		this.trouble = el("div");
		this.count = el("dl", {class: "figures"});
		main.append(this.count, this.trouble, this.place);
	}

	show(queue) {
		const had = this.draft;
		this.queue = queue;
		this.draft = queue.draft;
		this.since = performance.now();
		this.editing = null;
		this.reasons = new Set();
		this.trouble.replaceChildren();
		this.count.replaceChildren(...[["waiting", queue.waiting], ["accepted", queue.accepted], ["edited", queue.edited], ["rejected", queue.rejected], ...(queue.simulated ? [["by a simulated editor", queue.simulated]] : []), ["seconds each", queue.seconds_each.toFixed(0)]]
			.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
		if (!this.draft) {
			this.nothing(had);
			return;
		}
		this.text = el("div", {class: "said draft-text"}, highlighted(this.draft.text, this.draft.findings));
		this.under = el("div");
		this.card = el("article", {class: "draft", tabindex: "-1", "aria-labelledby": "draft-title", onkeydown: (event) => this.key(event)},
			el("p", {class: "quiet"}, `${this.draft.kind}, written by ${this.draft.origin}${this.draft.again ? ", shown once more" : ""}`), el("h2", {id: "draft-title"}, this.draft.prompt), this.text, this.findings(), this.under, this.why(), this.buttons());
		this.place.replaceChildren(el("div", {class: "desk"}, this.card, this.evidence()));
		this.card.focus();
	}

	nothing(had) {
		const undo = this.queue.can_undo ? el("p", {}, el("button", {type: "button", class: "plain", onclick: () => this.decide("undo")}, el("kbd", {}, "u"), " Undo")) : "";
		this.place.replaceChildren(this.queue.log ? el("div", {class: "empty", tabindex: "-1", onkeydown: (event) => this.key(event)}, el("h2", {}, had ? "All is decided" : "Nothing waits for a decision"),
			el("p", {}, "Send an answer here from the ", el("a", {href: "#arena"}, "arena"), "."), undo)
			: empty("There is no place to keep decisions", "Start the server with the folder that attune run wrote:", `attune serve --model ${quote(state.model_given)} --results DIR/.attune`));
		if (had)
			this.place.firstChild.focus();
	}

	findings() {
		const list = this.draft.findings.filter((one) => one.kind !== "supported");
		const bytes = new TextEncoder().encode(this.draft.text);
		return list.length ? el("ul", {class: "findings", "aria-label": "Findings"}, list.map((one) => el("li", {}, el("strong", {}, new TextDecoder().decode(bytes.slice(one.start, one.end))), ` ${say(one)}`))) : null;
	}

	evidence() {
		return el("section", {class: "evidence", "aria-label": "Evidence"}, el("h2", {}, "Evidence"), this.draft.evidence.length
			? this.draft.evidence.map((one) => el("div", {class: "passage"}, el("h3", {}, one.source ?? ""), one.heading ? el("p", {class: "quiet"}, one.heading) : null, el("p", {class: "said"}, one.text ?? "")))
			: el("p", {class: "quiet"}, "The draft came without passages."));
	}

	why() {
		this.boxes = REASONS.map((name, i) => el("button", {type: "button", class: "chip", "aria-pressed": "false", onclick: () => this.reason(i)}, el("kbd", {}, String(i + 1)), ` ${name}`));
		return el("div", {class: "chips", role: "group", "aria-label": "Reasons"}, "Reasons: ", this.boxes);
	}

	reason(i) {
		const name = REASONS[i], on = !this.reasons.has(name);
		if (on)
			this.reasons.add(name);
		else
			this.reasons.delete(name);
		this.boxes[i].setAttribute("aria-pressed", String(on));
	}

	buttons() {
		return el("p", {class: "row keys"}, Object.entries(KEYS).map(([key, action]) => el("button", {type: "button", class: action === "accept" ? "" : "plain", disabled: action === "undo" && !this.queue.can_undo, onclick: () => this.press(action)}, el("kbd", {}, key), ` ${NAMES[action]}`)));
	}

	press(action) {
		if (action === "edit")
			this.edit();
		else
			this.decide(action);
	}

	/* Single keys work while the focus is on the draft; in the field of an edit Enter keeps it and Escape gives it up. */
	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea"))
			return;
		if (event.key in KEYS && (this.draft || event.key === "u")) {
			event.preventDefault();
			this.press(KEYS[event.key]);
		} else if (this.draft && /^[1-5]$/.test(event.key)) {
			this.reason(Number(event.key) - 1);
		} else if (this.draft && event.key === "Enter" && event.target === this.card) {
			this.decide("accept");
		}
	}

	edit() {
		if (this.editing) {
			this.editing.focus();
			return;
		}
		const field = this.editing = el("textarea", {id: "edited", rows: "5", "aria-describedby": "edited-how"}), changes = el("p", {class: "said changes", "aria-label": "Changes"});
		const draw = () => changes.replaceChildren(...difference(this.draft.text, field.value).map(([kind, text]) => (kind === "same" ? text : el(kind === "gone" ? "del" : "ins", {}, text))));
		field.value = this.draft.text;
		field.addEventListener("input", draw);
		field.addEventListener("keydown", (event) => {
			if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
				event.preventDefault();
				this.decide("edit");
			} else if (event.key === "Escape") {
				this.editing = null;
				this.under.replaceChildren();
				this.card.focus();
			}
		});
		this.under.replaceChildren(el("label", {for: "edited"}, "As it should be"), field, el("p", {class: "quiet", id: "edited-how"}, "Enter keeps it and goes on, Shift+Enter is a new line, Escape gives it up."), changes);
		draw();
		field.focus();
	}

	async decide(action) {
		const {draft} = this;
		if (this.busy || (action === "undo" && !this.queue.can_undo))
			return;
		this.busy = true;
		try {
			const text = action === "edit" ? this.editing.value.trim() : undefined;
			const same = action === "edit" && text === draft.text.replaceAll("\r\n", "\n").trim(); // as a textarea gives it back
			this.show(await post("/page/review/decide", {id: draft?.id, action: same ? "accept" : action, text: same ? undefined : text, reasons: action === "accept" || same ? [] : [...this.reasons], seconds: (performance.now() - this.since) / 1000}));
			announce(`${NAMES[action]}: done. ${plural(this.queue.waiting, "draft")} waiting.`);
		} catch (error) {
			this.trouble.replaceChildren(problem(error));
		}
		this.busy = false;
	}
}

export async function review(main) {
	const queue = await get("/page/review");
	main.append(el("h1", {}, "Review"), el("p", {class: "lead"}, "Drafts with their evidence, the doubtful ones first. What is decided is kept for the next training; nothing is ever written over."));
	const desk = new Desk(main);
	desk.show(queue);
	main.append(commands([["drafts for this queue", `attune write --in briefs.csv --out drafts --results ${quote(state.results ?? "DIR/.attune")}`],
		["what was decided, as rows to train on", `attune review --results ${quote(state.results ?? "DIR/.attune")} --export DOCUMENTS/reviewed.jsonl`],
		["the same checks of any text", `attune lint draft.md --data ${quote(state.data ?? "DIR/.attune/data")}`]]));
}
