/* Nodes. What comes from a model, a document or a person becomes a text node, never markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (value === true)
			node.setAttribute(name, "");
		else if (value !== false && value !== null && value !== undefined)
			node.setAttribute(name, value);
	}
	node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

/* An element; attributes named on... are listeners. Children are nodes and texts, in lists if need be. */
export function el(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

/* Says it to who does not see the page change. */
export function announce(text) {
	document.getElementById("live").textContent = text;
}

/* An argument of a shell command, in quotation marks where it needs them. */
export function quote(text) {
	return /^[A-Za-z0-9_.,:=@%+\/~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/* The command that does what a screen does, to be copied. */
export function command(text) {
	const button = el("button", {type: "button", class: "plain", onclick: async () => {
		await navigator.clipboard.writeText(text);
		button.textContent = "Copied";
		announce("The command is copied.");
		setTimeout(() => { button.textContent = "Copy"; }, 2000);
	}}, "Copy");
	return el("div", {class: "command"}, el("code", {tabindex: "0"}, text), navigator.clipboard ? button : null);
}

/* The commands at the foot of a screen, each with what it does. */
export function commands(list) {
	return el("section", {class: "commands", "aria-label": "The same on the command line"},
		el("h2", {}, "The same on the command line"),
		list.map(([what, text]) => [el("p", {class: "quiet"}, what), command(text)]));
}

/* What stands where there is nothing yet. */
export function empty(title, text, line) {
	return el("section", {class: "empty"}, el("h2", {}, title), el("p", {}, text), line ? command(line) : null);
}

/* What may be wider than the screen, for the keyboard too. */
export function scroll(label, ...children) {
	return el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}, ...children);
}

export function problem(error) {
	return el("p", {class: "problem", role: "alert"}, error.message);
}

export function plural(n, one, many = `${one}s`) {
	return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
