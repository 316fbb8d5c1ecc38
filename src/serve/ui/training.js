/* Training from the page: what is begun, how it goes, how it ended. One at a time, by the server's own program. */

import {announce, el, problem, quote} from "./dom.js";
import {post, state} from "./server.js";

const TONE = {done: "good", failed: "bad", killed: "bad"};

/* The command that does the same; the model by the name that the server was given, of which the child gets the file. */
export function command_of({arguments: [verb, model, , ...others]}) {
	return ["attune", verb, model, state.model_given, ...others].map(quote).join(" ");
}

export class Control {
	constructor(main) {
		this.section = el("section", {class: "ask training", "aria-label": "Begin or stop a training"});
		this.status = el("p", {tabindex: "-1"});
		this.trouble = el("div");
		main.append(this.section);
	}

	get running() {
		return this.training?.state === "running";
	}

	/* What the server says. What somebody fills in stays until there is something else to do. */
	take({runs, training, cannot, settings}) {
		const open = runs.filter((run) => run.open).map((run) => run.name), key = JSON.stringify([training, cannot, open]);
		if (key === this.key)
			return;
		const ended = this.running && training.state !== "running", focused = this.section.contains(document.activeElement);
		Object.assign(this, {key, training, cannot, open, settings});
		this.draw();
		if (focused)
			(this.section.querySelector("button:not(:disabled)") ?? this.status).focus();
		if (ended)
			announce(this.status.textContent);
	}

	/* How far it is, in words; "" where that is not known. */
	say(how_far) {
		const {run, state, stopping, sentence, folder} = this.training ?? {};
		if (this.running)
			this.status.textContent = `${run}: ${stopping ? "stopping; it ends its step and saves" : "training"}${how_far && `; ${how_far}`}`;
		else
			this.status.textContent = this.training ? `${run}: ${sentence}${state === "done" ? `; its adapter is ${folder}/adapter` : ""}` : "";
	}

	draw() {
		this.status.className = TONE[this.training?.state] ?? "";
		this.say("");
		this.trouble.replaceChildren();
		if (this.cannot)
			this.section.replaceChildren(el("p", {class: "quiet"}, this.cannot));
		else
			this.section.replaceChildren(...(this.training ? [this.status] : []), this.running ? this.brake() : this.form(), this.trouble);
	}

	brake() {
		return el("div", {class: "row"}, el("span", {class: "quiet"}, "Stop lets it end its step and save; it can go on from there."),
			el("button", {type: "button", disabled: this.training.stopping, onclick: () => this.send("/page/train/stop", {})}, "Stop"));
	}

	form() {
		const inputs = this.settings.map(({name, fallback}) => el("input", {id: `set-${name}`, name, placeholder: fallback, inputmode: "decimal", autocomplete: "off", "aria-describedby": `help-${name}`}));
		const more = el("details", {}, el("summary", {}, "Settings"), el("div", {class: "fields"}, this.settings.map(({name, help, range}, i) =>
			el("div", {}, el("label", {for: inputs[i].id}, name), inputs[i], el("p", {class: "quiet", id: `help-${name}`}, `${help}; ${range}`)))));
		const button = el("button", {}), which = el("select", {id: "which-run", onchange: () => show()}, el("option", {value: ""}, "a new run"),
			this.open.map((name) => el("option", {value: name, selected: name === this.training?.run}, `${name}, from where it was`)));
		const show = () => {
			more.hidden = which.value !== "";
			button.textContent = which.value ? "Go on" : "Start training";
		};
		show();
		const chosen = () => Object.fromEntries(inputs.map((one) => [one.name, one.value.trim()]).filter(([, value]) => value));
		return el("form", {onsubmit: (event) => {
			event.preventDefault();
			this.send("/page/train/start", which.value ? {run: which.value} : {settings: chosen()});
		}}, this.open.length ? [el("label", {for: "which-run"}, "What to train"), which] : null, more, el("div", {class: "row"},
			el("span", {class: "quiet"}, "On this server's data folder and model, at low priority; answers are slower meanwhile."), button));
	}

	async send(path, body) {
		try {
			this.take(await post(path, body));
			announce(this.status.textContent);
		} catch (error) {
			this.trouble.replaceChildren(problem(error));
		}
	}
}
