// Tokenises lines as VS Code does. Reads one JSON array of lines at a time, each on a line of standard input;
// answers each with one line: for every line its tokens, a token being its text and its scopes.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [path, scope] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

await oniguruma.loadWASM(await readFile(require.resolve("vscode-oniguruma/release/onig.wasm")));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(await readFile(path, "utf8"), path),
});
const grammar = await registry.loadGrammar(scope);

for await (const request of createInterface({ input: process.stdin })) {
  let stack = textmate.INITIAL;
  const answer = JSON.parse(request).map((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    stack = ruleStack;
    return tokens.map(({ startIndex, endIndex, scopes }) => [line.slice(startIndex, endIndex), scopes]);
  });
  console.log(JSON.stringify(answer));
}
