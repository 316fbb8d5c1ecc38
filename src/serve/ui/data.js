/* Data: what was read, what came of it, and what a person should look at. Decisions are made in files beside the documents, or by the commands at the foot. */

import {commands, el, empty, plural, quote, scroll} from "./dom.js";
import {get, state} from "./server.js";

const TERMS_SHOWN = 40;

function table(caption, heads, rows) {
	return scroll(caption, el("table", {},
		el("caption", {}, caption),
		el("thead", {}, el("tr", {}, heads.map((head) => el("th", {scope: "col"}, head)))),
		el("tbody", {}, rows)));
}

const number = (n) => el("td", {class: "number"}, n.toLocaleString("en"));

function fate(one) {
	if (one.skipped)
		return el("span", {class: "bad"}, `left out: ${one.skipped}`);
	return one.unseen ? "held out, to measure with" : "";
}

function documents(list) {
	const flags = (one) => Object.entries(one.flags).map(([name, n]) => `${name.replaceAll("_", " ")} ${n}`).join(", ");
	return el("section", {"aria-labelledby": "documents"}, el("h2", {id: "documents"}, plural(list.length, "document")),
		table("Flags are rules for good web text that sections break; nothing is dropped for them.", ["Document", "Sections", "Facts", "Flags", ""],
			list.map((one) => el("tr", {}, el("th", {scope: "row"}, one.path), number(one.sections), number(one.facts), el("td", {}, flags(one)), el("td", {}, fate(one))))));
}

const place = (source) => `${source.path}${source.heading ? `: ${source.heading}` : ""}`;

function side(fact, verdict) {
	return el("div", {}, el("blockquote", {}, fact.statement), el("p", {class: "quiet"}, place(fact.source), verdict ? el("strong", {}, ` ${verdict}`) : null));
}

/* A long list is cut; what its caption has to say then. */
const cut = ({n, shown}) => (shown.length < n ? ` The first ${shown.length} of ${n.toLocaleString("en")} are shown.` : "");

function contradictions(list) {
	if (!list.n)
		return el("p", {class: "quiet"}, "No two facts contradict each other.");
	const right = ({settled}, which) => (settled === which ? "settled as right" : settled === "both" ? "settled: both are right" : "");
	return [el("p", {class: "quiet"}, `Both statements of a pair that nobody has settled stay out of training.${cut(list)}`),
		el("ol", {class: "disputes"}, list.shown.map((pair) => el("li", {}, el("div", {class: "answers"}, side(pair.a, right(pair, "a")), side(pair.b, right(pair, "b"))))))];
}

function copies(list) {
	if (!list.n)
		return el("p", {class: "quiet"}, "No section says again what another one says.");
	return table(`Sections that are nearly another one; the first stays.${cut(list)}`, ["Section", "nearly", "Alike", ""],
		list.shown.map((one) => el("tr", {}, el("td", {}, place(one.source)), el("td", {}, place(one.of)), el("td", {class: "number"}, `${Math.round(100 * one.similarity)} %`),
			el("td", {}, one.kept ? "both are used: their values differ" : "left out"))));
}

function terms(list) {
	const rank = {accepted: 0, found: 1, rejected: 2}, sorted = [...list].sort((a, b) => rank[a.status] - rank[b.status]);
	const line = (term) => el("tr", {}, el("th", {scope: "row"}, term.preferred), el("td", {}, term.forbidden.join(", ")), el("td", {}, term.definition), el("td", {}, term.status));
	const body = el("div", {}, table("Found terms are proposals, which nothing counts before somebody accepts them.", ["Write", "not", "Meaning", "Status"], sorted.slice(0, TERMS_SHOWN).map(line)));
	if (sorted.length > TERMS_SHOWN)
		body.append(el("button", {type: "button", class: "plain", onclick: (event) => {
			body.querySelector("tbody").append(...sorted.slice(TERMS_SHOWN).map(line));
			body.querySelector(".scroll").focus();
			event.target.remove();
		}}, `Show the other ${sorted.length - TERMS_SHOWN}`));
	return body;
}

function block(id, title, ...children) {
	return el("section", {"aria-labelledby": id}, el("h2", {id}, title), ...children);
}

export async function data(main) {
	const found = await get("/page/data"), folder = quote(state.data ?? "DIR/.attune/data");
	main.append(el("h1", {}, "Data"), el("p", {class: "lead"}, "What was read and what came of it. Training cannot be better than this."));
	if (!found.documents) {
		main.append(empty("There is no data folder to look at", state.data ? "Nothing was curated into it yet. This reads documents:" : "Start the server with the folder that curation wrote:",
			state.data ? `attune curate --in DIR --out ${folder}` : `attune serve --model ${quote(state.model_given)} --data ${folder}`));
		return null;
	}
	const replaced = Object.entries(found.pii ?? {}).filter(([, n]) => n);
	main.append(el("dl", {class: "figures"}, [["documents", found.documents.length], ["facts", found.documents.reduce((sum, one) => sum + one.facts, 0)], ["contradictions to settle", found.contradictions.open],
			["terms to look at", found.terms.filter((term) => term.status === "found").length], ["pieces of personal data replaced", replaced.reduce((sum, [name, n]) => sum + (name === "rejected" ? 0 : n), 0)]]
			.map(([name, n]) => el("div", {}, el("dt", {}, name), el("dd", {}, n.toLocaleString("en"))))),
		block("contradictions", "Contradictions", contradictions(found.contradictions)), block("terms", "Terms", found.terms.length ? terms(found.terms) : el("p", {class: "quiet"}, "No terms were found.")),
		documents(found.documents), block("copies", "Copies", copies(found.duplicates)));
	if (found.rejected.n)
		main.append(block("rejected", "Rows that were rejected", table(`They still held personal data after it was replaced.${cut(found.rejected)}`, ["Document", "Reason"],
			found.rejected.shown.map((one) => el("tr", {}, el("th", {scope: "row"}, one.path ?? ""), el("td", {}, one.reason))))));
	main.append(commands([["settle contradictions in the terminal", `attune curate --in DIR --out ${folder} --settle`], ["decide on terms: copy the proposals beside the documents and set their status", `cp ${folder}/terms.yaml DIR/terms.yaml`],
		["see rows as they are trained on", `attune curate --in DIR --out ${folder} --preview 20`]]));
	return null;
}
