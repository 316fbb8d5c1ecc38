/* The difference of two texts, word by word: the longest common subsequence of words and what stands between them. */

const WORDS_MAX = 1500;

const words = (text) => text.match(/\s+|[^\s]+/g) ?? [];

/* [["same" | "gone" | "new", text]...] */
export function difference(before, after) {
	const a = words(before), b = words(after);
	if (a.length > WORDS_MAX || b.length > WORDS_MAX)
		return [["gone", before], ["new", after]];
	const width = b.length + 1, common = new Uint16Array((a.length + 1) * width);
	for (let i = a.length - 1; i >= 0; i--)
		for (let j = b.length - 1; j >= 0; j--)
			common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
	const out = [];
	const put = (kind, text) => {
		if (out.at(-1)?.[0] === kind)
			out.at(-1)[1] += text;
		else
			out.push([kind, text]);
	};
	let i = 0, j = 0;
	while (i < a.length || j < b.length) {
		if (i < a.length && j < b.length && a[i] === b[j]) {
			put("same", a[i++]);
			j++;
		} else if (i < a.length && (j === b.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			put("gone", a[i++]);
		} else {
			put("new", b[j++]);
		}
	}
	return out;
}
