// Marks the words that a search found, over the text as it stands there: the page's tree is not touched. Browsers without
// highlights mark the row alone.

const NAME = "found";
/** Ranges in one row; a row full of the word is marked enough. */
const RANGES_MAX = 200;

export function markWords(row: HTMLElement | null, query: string): void {
  const marks = typeof Highlight === "undefined" ? undefined : CSS.highlights;
  if (!marks) return;
  marks.delete(NAME);
  const words = query.toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter((word) => word.length > 1);
  if (!row || words.length === 0) return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && ranges.length < RANGES_MAX) {
    const node = walker.currentNode as Text;
    const text = node.data.toLowerCase();
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0 && ranges.length < RANGES_MAX; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, Math.min(node.length, at + word.length));
        ranges.push(range);
      }
    }
  }
  if (ranges.length > 0) marks.set(NAME, new Highlight(...ranges));
}
