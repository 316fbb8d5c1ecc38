/* Curves over steps as SVG: lines for what each step says, rings for what is measured now and then. */

import {svg} from "./dom.js";

const WIDTH = 720, HEIGHT = 320, LEFT = 56, RIGHT = 708, TOP = 16, BOTTOM = 278, TICKS = 6, POINTS_MAX = 600;

/* From and to of whole ticks of 1, 2 or 5 times a power of ten. */
function scale(low, high) {
	const span = Math.max(high - low, 1e-6), unit = 10 ** Math.floor(Math.log10(span / TICKS));
	const tick = [1, 2, 5, 10].map((n) => n * unit).find((one) => one * TICKS >= span);
	const from = Math.floor(low / tick) * tick;
	return {from, to: Math.max(Math.ceil(high / tick) * tick, from + tick), tick};
}

function ticks({from, to, tick}) {
	return Array.from({length: Math.round((to - from) / tick) + 1}, (_, i) => from + i * tick);
}

/* A long curve as the means of runs of steps. */
function thin(points) {
	const by = Math.ceil(points.length / POINTS_MAX);
	if (by < 2)
		return points;
	const out = [];
	for (let i = 0; i < points.length; i += by) {
		const part = points.slice(i, i + by);
		out.push([part.at(-1)[0], part.reduce((sum, [, y]) => sum + y, 0) / part.length]);
	}
	return out;
}

/* curves: [{class, line: [[x, y]...], rings: [[x, y]...]}] */
export function chart(title, unit, curves) {
	const all = curves.flatMap((one) => [...one.line, ...one.rings]);
	const x = scale(0, Math.max(1, ...all.map(([at]) => at))), y = scale(Math.min(...all.map(([, value]) => value)), Math.max(...all.map(([, value]) => value)));
	const px = (at) => LEFT + (at - x.from) / (x.to - x.from) * (RIGHT - LEFT), py = (value) => BOTTOM - (value - y.from) / (y.to - y.from) * (BOTTOM - TOP);
	const place = ([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`;
	return svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title, class: "chart"},
		ticks(y).map((value) => [svg("path", {class: "grid", d: `M${LEFT} ${py(value)}H${RIGHT}`}), svg("text", {x: LEFT - 8, y: py(value) + 4, "text-anchor": "end"}, String(Number(value.toPrecision(6))))]),
		ticks(x).map((at) => svg("text", {x: px(at), y: BOTTOM + 18, "text-anchor": "middle"}, String(at))),
		svg("text", {x: RIGHT, y: HEIGHT - 6, "text-anchor": "end"}, `step; ${unit}`),
		curves.map((one) => svg("g", {class: one.class}, svg("polyline", {points: thin(one.line).map(place).join(" ")}),
			one.rings.length > 1 ? svg("polyline", {class: "dashed", points: one.rings.map(place).join(" ")}) : null, one.rings.map(([at, value]) => svg("circle", {cx: px(at), cy: py(value), r: 3.5})))));
}
