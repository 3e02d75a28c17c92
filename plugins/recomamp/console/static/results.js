// The rows of a result as a table, a chart of them, and downloads.

import { address, useData } from "./api.js";
import { Choice } from "./executions.js";
import { Chakra, html, useSearchParams } from "./host.js";
import { KINDS, ResultChart } from "./result_chart.js";
import { time } from "./time.js";
import { count, DataTable, Empty, Loaded, Panel, ROOT, RouteLink } from "./widgets.js";

const { Alert, Flex, Grid, Text } = Chakra;

const NUMERIC = /^(LONG|INTEGER|SHORT|BYTE|DOUBLE|FLOAT|DECIMAL\()/;
export const isNumeric = (column) => NUMERIC.test(column.type);

const ROWS = "*"; // instead of a measure: the number of rows
const megabytes = (bytes) => `${(Number(bytes ?? 0) / 1e6).toLocaleString("en", { maximumFractionDigits: 2 })} MB`;

// The query string is the whole state, so an address shows the same page and chart again
function useAddress() {
  const [search, setSearch] = useSearchParams();
  const set = (changes) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === "") next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  return [search, set];
}

const Download = ({ path, children }) => html`<${Chakra.Link} href=${address(path).href} download color="fg.info" textDecoration="underline">${children}<//>`;

const Files = ({ id, files }) => html`<${DataTable} label="Files" rows=${files} keyOf=${(file) => file.name} columns=${[
  { title: "File", cell: (file) => html`<${Download} path="executions/${id}/files/${files.indexOf(file) + 1}">${file.name}<//>` },
  { title: "Rows", numeric: true, cell: (file) => count(file.rows) },
  { title: "Size", numeric: true, cell: (file) => megabytes(file.bytes) },
  { title: "SHA-256", cell: (file) => html`<${Text} as="span" fontFamily="mono" fontSize="xs" overflowWrap="anywhere">${file.sha256}<//>` },
]} />`;

function Notes({ result }) {
  const notes = [];
  if (result.trimmed_at) notes.push("Retention has deleted the rows shown here. The files have all rows.");
  else if (result.is_truncated) notes.push(`The table and the chart have the first ${count(result.document_rows)} of ${count(result.result_rows)} rows. The downloads have all.`);
  if (result.files_deleted_at) notes.push("Retention has deleted the files.");
  if (result.column_changes) notes.push(`Columns have changed since the result before: ${result.column_changes}`);
  return html`${notes.map((note) => html`<${Alert.Root} key=${note} status="info"><${Alert.Indicator} /><${Alert.Title}>${note}<//><//>`)}
    ${result.superseded_by && html`<${Text}>A later version has the files: <${RouteLink} to="${ROOT}/executions/${result.superseded_by}?tab=results">go to it<//>.<//>`}`;
}

function Chart({ id, columns, search, set }) {
  const [kind, x] = [search.get("chart") ?? "", search.get("x") ?? columns[0].name];
  const [y, colour] = [search.get("y") ?? columns.find(isNumeric)?.name ?? ROWS, search.get("colour") ?? ""];
  const named = columns.map(({ name }) => [name, name]);
  const path = kind && `executions/${id}/chart?${new URLSearchParams({ x, y: y === ROWS ? "" : y, colour })}`;
  const request = useData(path || null, { every: 0 });
  return html`<${Panel} title="Chart">
    <${Flex} gap="4" wrap="wrap" mb="3">
      <${Choice} label="Chart" value=${kind} options=${[["", "none"], ...KINDS]} onChange=${(value) => set({ chart: value })} />
      ${kind && html`<${Choice} label="Across" value=${x} options=${named} onChange=${(value) => set({ x: value })} />
        <${Choice} label="Sum of" value=${y} options=${[...columns.filter(isNumeric).map(({ name }) => [name, name]), [ROWS, "number of rows"]]} onChange=${(value) => set({ y: value })} />
        <${Choice} label=${kind === "heat" ? "Down" : "Colour"} value=${colour} options=${[["", "none"], ...named]} onChange=${(value) => set({ colour: value })} />`}
    <//>
    ${kind
      ? html`<${Loaded} request=${request}>${(data) => html`<${ResultChart} kind=${kind} points=${data.points} leftOut=${data.left_out}
          names=${{ x, y: y === ROWS ? "number of rows" : y, colour }} isNumber=${isNumeric(columns.find(({ name }) => name === x) ?? columns[0])} />`}<//>`
      : html`<${Empty}>Choose a chart. The address of this page then leads back to it.<//>`}
  <//>`;
}

export function Results({ id, zone }) {
  const [search, set] = useAddress();
  const page = Number(search.get("page") ?? 1);
  const request = useData(`executions/${id}/result?page=${page - 1}`, { every: 0 });
  return html`<${Loaded} request=${request}>${(result) => {
    const pages = Math.max(1, Math.ceil(result.document_rows / result.page_size));
    const shown = result.columns.map((column, index) => ({
      title: `${column.name} · ${column.type}`,
      numeric: isNumeric(column),
      cell: (row) => row[index] ?? html`<${Text} as="span" color="fg.muted">NULL<//>`,
    }));
    return html`<${Grid} gap="4">
      <${Notes} result=${result} />
      ${result.columns.length > 0 && result.document_rows > 0 && html`<${Chart} id=${id} columns=${result.columns} search=${search} set=${set} />`}
      <${Panel} title="Rows" actions=${html`<${Text} fontSize="sm">${count(result.result_rows)} rows, loaded ${time(result.results_loaded_at, zone)}<//>`}>
        <${DataTable} label="Rows of the result" rows=${result.rows} columns=${shown} empty="The result has no rows here." />
        <${Flex} as="nav" aria-label="Pages of rows" gap="4" mt="3" align="center">
          ${page > 1 && html`<${RouteLink} to=${{ search: pageSearch(search, page - 1) }}>Before<//>`}
          <${Text} fontSize="sm">Page ${page} of ${pages}<//>
          ${page < pages && html`<${RouteLink} to=${{ search: pageSearch(search, page + 1) }}>Next<//>`}
        <//>
      <//>
      <${Panel} title="Downloads">
        <${Download} path="executions/${id}/result.csv">All rows as CSV<//>
        <${Text} fontSize="xs" color="fg.muted" mb="3">For spreadsheets: a text that they would run as a formula begins with an apostrophe. Parquet files hold every value as it is.<//>
        <${Files} id=${id} files=${result.files} />
      <//>
    <//>`;
  }}<//>`;
}

function pageSearch(search, page) {
  const next = new URLSearchParams(search);
  next.set("page", page);
  return `?${next}`;
}
