/* What the page asks the server. Every function throws an Error with the server's own sentence. */

export const state = {};

/* The arm of a text that a person typed. */
export const TYPED = "typed";

async function answer(response) {
	const text = await response.text();
	let body = null;
	try {
		body = JSON.parse(text);
	} catch {
		throw new Error(`The server says ${response.status} without a reason.`);
	}
	if (!response.ok)
		throw new Error(body.error.message);
	return body;
}

async function ask(path, options) {
	try {
		return await fetch(path, {credentials: "same-origin", cache: "no-store", ...options});
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new Error("The server does not answer. Is attune serve still running?");
	}
}

function request(body, signal) {
	const headers = {"Content-Type": "application/json"};
	if (state.csrf)
		headers["X-CSRF-Token"] = state.csrf;
	return {method: "POST", headers, body: JSON.stringify(body), signal};
}

export async function get(path) {
	return answer(await ask(path, {}));
}

export async function post(path, body, signal) {
	return answer(await ask(path, request(body, signal)));
}

/* Who is there, what there is: again after each change of either. */
export async function refresh() {
	const now = await get("/page/state");
	for (const key of Object.keys(state))
		delete state[key];
	Object.assign(state, now);
}

/* The model of an arm: its name without what it is given besides. */
export const root_of = (arm) => arm.replace(/\/(rag|prompt)$/, "");

/* Those that can be asked: an embedder is a root of its own. */
export async function models() {
	const list = (await get("/v1/models")).data;
	return list.filter((one) => one.root === list[0].root);
}

/* Server-sent events of a POST, in order. */
export async function stream(path, body, signal, use) {
	const response = await ask(path, request({...body, stream: true}, signal));
	if (!response.ok)
		await answer(response);
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	for (;;) {
		const {value, done} = await reader.read();
		if (done)
			return;
		const events = (rest + value).split("\n\n");
		rest = events.pop();
		for (const event of events) {
			if (!event.startsWith("data: ") || event === "data: [DONE]")
				continue;
			const data = JSON.parse(event.slice(6));
			if (data.error)
				throw new Error(data.error.message);
			use(data);
		}
	}
}
