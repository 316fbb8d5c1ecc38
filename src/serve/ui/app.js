/* The frame: who is there, which screen is open. A screen is opened into `main` and may give back a function that closes it. */

import {announce, el, problem} from "./dom.js";
import {post, refresh, state} from "./server.js";
import {arena} from "./arena.js";
import {report} from "./report.js";
import {xray} from "./xray.js";
import {train} from "./train.js";
import {review} from "./review.js";
import {data} from "./data.js";

const screens = {arena: ["Arena", arena], report: ["Report", report], xray: ["X-ray", xray], data: ["Data", data], train: ["Train", train], review: ["Review", review]};
const main = document.getElementById("main");
let close = null, shown = 0;

function navigation(open) {
	document.getElementById("nav").replaceChildren(...Object.entries(screens).map(([name, [title]]) =>
		el("a", {href: `#${name}`, "aria-current": name === open ? "page" : null}, title)));
}

async function sign_out() {
	await post("/page/sign-out", {});
	location.reload();
}

function who() {
	document.getElementById("who").replaceChildren(el("span", {}, state.model),
		...(state.key ? [el("button", {type: "button", class: "plain", onclick: sign_out}, "Sign out")] : []));
}

/* Screens wait for the server: one that comes after another was opened finds its place gone, and is closed. */
async function show(focus) {
	const turn = ++shown, place = el("div");
	const [name, ...rest] = location.hash.slice(1).split("/");
	const open = name in screens ? name : "arena";
	close?.();
	close = null;
	navigation(open);
	document.title = `${screens[open][0]} · attune`;
	main.replaceChildren(place);
	if (focus)
		main.focus();
	let end = null;
	try {
		end = await screens[open][1](place, rest);
	} catch (error) {
		place.append(problem(error));
	}
	if (turn === shown)
		close = end;
	else
		end?.();
}

async function sign_in(event, field, said) {
	event.preventDefault();
	said.textContent = "";
	try {
		await post("/page/sign-in", {key: field.value});
		await start();
		announce("Signed in.");
	} catch (error) {
		said.textContent = error.message;
		field.select();
	}
}

function door() {
	const field = el("input", {id: "key", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "key-where"});
	const said = el("p", {class: "problem", role: "alert"});
	main.replaceChildren(el("form", {class: "door", onsubmit: (event) => sign_in(event, field, said)}, el("h1", {}, "Sign in"),
		el("label", {for: "key"}, "The server's key"), field,
		el("p", {class: "quiet", id: "key-where"}, "It stands in the file that attune serve was given with --api-key-file."),
		said, el("button", {}, "Sign in")));
	document.title = "Sign in · attune";
	field.focus();
}

async function start() {
	try {
		await refresh();
	} catch (error) {
		main.replaceChildren(problem(error));
		return;
	}
	if (!state.known) {
		door();
		return;
	}
	who();
	await show(false);
}

document.getElementById("skip").addEventListener("click", (event) => {
	event.preventDefault(); /* the address says which screen is open */
	main.focus();
});
addEventListener("hashchange", () => { if (state.known) show(true); });
start();
