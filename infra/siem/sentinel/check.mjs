// Problems of KQL, by Microsoft's own parser: `node check.mjs MODULES < [{"table", "columns", "query"}]`, a list of texts out.
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";

const dir = path.join(process.argv[2], "@kusto", "language-service-next");
for (const name of ["bridge.min.js", "Kusto.Language.Bridge.min.js"])
  vm.runInThisContext(fs.readFileSync(path.join(dir, name), "utf8"), {filename: name});
const {GlobalState, KustoCode, Symbols: {DatabaseSymbol, TableSymbol}} = globalThis.Kusto.Language;

function problems({table, columns, query}) {
  const known = TableSymbol.From(`(${columns.map(({name, type}) => `['${name}']: ${type}`).join(", ")})`).WithName(table);
  const globals = GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor("workspace", [known]));
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({length: System.Array.getCount(found)}, (_, at) => System.Array.getItem(found, at).Message);
}
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0)).map(problems)));
