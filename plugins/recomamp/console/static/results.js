// The rows of a result as a table, a chart of them, and downloads.

import { address, useData } from "./api.js";
import { Chakra, html } from "./host.js";
import { pageNumber, useQuery } from "./query.js";
import { KINDS, ResultChart } from "./result_chart.js";
import { time } from "./time.js";
import { Choice, Content, count, DataTable, Empty, Notice, Pager, Panel, ROOT, RouteLink } from "./widgets.js";

const { Flex, Grid, Text } = Chakra;

const NUMERIC = /^(LONG|INTEGER|SHORT|BYTE|DOUBLE|FLOAT|DECIMAL\()/;
const isNumeric = (column) => NUMERIC.test(column.type);

const ROWS = "*"; // instead of a measure: the number of rows
const megabytes = (bytes) => `${(Number(bytes ?? 0) / 1e6).toLocaleString("en", { maximumFractionDigits: 2 })} MB`;

const Download = ({ path, children }) => html`<${Chakra.Link} href=${address(path).href} download color="fg.info" textDecoration="underline">${children}<//>`;

const Files = ({ id, files }) => html`<${DataTable} label="Files" rows=${files} keyOf=${(file) => file.name} columns=${[
  { title: "File", cell: (file) => html`<${Download} path="executions/${id}/files/${files.indexOf(file) + 1}">${file.name}<//>` },
  { title: "Rows", numeric: true, cell: (file) => count(file.rows) },
  { title: "Size", numeric: true, cell: (file) => megabytes(file.bytes) },
  { title: "SHA-256", cell: (file) => html`<${Text} as="span" fontFamily="mono" fontSize="xs" overflowWrap="anywhere">${file.sha256}<//>` },
]} />`;

// What is deleted is not offered. The rows alone are enough for a CSV where all are in the database.
export function Downloads({ id, result }) {
  const hasFiles = !result.files_deleted_at;
  const hasRows = hasFiles || !(result.is_truncated || result.trimmed_at);
  if (!hasRows) return html`<${Empty}>Retention has deleted the files, and with them what could be downloaded.<//>`;
  return html`<${Download} path="executions/${id}/result.csv">All rows as CSV<//>
    <${Text} fontSize="xs" color="fg.muted" mb="3">For spreadsheets: a text that they would run as a formula begins with an apostrophe. Parquet files hold every value as it is.<//>
    ${hasFiles && html`<${Files} id=${id} files=${result.files} />`}`;
}

function Notes({ result }) {
  const notes = [];
  const all = result.files_deleted_at ? "" : " The downloads have all.";
  if (result.trimmed_at) notes.push(`Retention has deleted the rows shown here.${all}`);
  else if (result.is_truncated) notes.push(`The table and the chart have the first ${count(result.document_rows)} of ${count(result.result_rows)} rows.${all}`);
  if (result.files_deleted_at) notes.push("Retention has deleted the files.");
  if (result.column_changes) notes.push(`Columns have changed since the result before: ${result.column_changes}`);
  return html`${notes.map((note) => html`<${Notice} key=${note} status="info" title=${note} />`)}
    ${result.superseded_by && html`<${Text}>A later version has the files: <${RouteLink} to="${ROOT}/executions/${result.superseded_by}?tab=results">go to it<//>.<//>`}`;
}

function Chart({ id, columns, query: { get, set } }) {
  const [kind, x] = [get("chart"), get("x", columns[0].name)];
  const [y, colour] = [get("y", columns.find(isNumeric)?.name ?? ROWS), get("colour")];
  const named = columns.map(({ name }) => name);
  const path = kind && `executions/${id}/chart?${new URLSearchParams({ x, y: y === ROWS ? "" : y, colour })}`;
  const request = useData(path || null, { every: 0 });
  return html`<${Panel} title="Chart">
    <${Flex} gap="4" wrap="wrap" mb="3">
      <${Choice} label="Chart" value=${kind} options=${[["", "none"], ...KINDS]} onChange=${(value) => set({ chart: value })} />
      ${kind && html`<${Choice} label="Across" value=${x} options=${named} onChange=${(value) => set({ x: value })} />
        <${Choice} label="Sum of" value=${y} options=${[...columns.filter(isNumeric).map(({ name }) => name), [ROWS, "number of rows"]]} onChange=${(value) => set({ y: value })} />
        <${Choice} label=${kind === "heat" ? "Down" : "Colour"} value=${colour} options=${[["", "none"], ...named]} onChange=${(value) => set({ colour: value })} />`}
    <//>
    ${kind
      ? html`<${Content} request=${request}>${(data) => html`<${ResultChart} kind=${kind} points=${data.points} leftOut=${data.left_out}
          names=${{ x, y: y === ROWS ? "number of rows" : y, colour }} isNumber=${isNumeric(columns.find(({ name }) => name === x) ?? columns[0])} />`}<//>`
      : html`<${Empty}>Choose a chart. The address of this page then leads back to it.<//>`}
  <//>`;
}

export function Results({ id, zone }) {
  const query = useQuery();
  const page = Math.min(101, pageNumber(query.get("page")));
  const request = useData(`executions/${id}/result?page=${page - 1}`, { every: 0 });
  return html`<${Content} request=${request}>${(result) => {
    const pages = Math.max(1, Math.ceil(result.document_rows / result.page_size));
    const shown = result.columns.map((column, index) => ({
      title: `${column.name} · ${column.type}`,
      numeric: isNumeric(column),
      cell: (row) => row[index] ?? html`<${Text} as="span" color="fg.muted">NULL<//>`,
    }));
    return html`<${Grid} gap="4">
      <${Notes} result=${result} />
      ${result.columns.length > 0 && result.document_rows > 0 && html`<${Chart} id=${id} columns=${result.columns} query=${query} />`}
      <${Panel} title="Rows" actions=${html`<${Text} fontSize="sm">${count(result.result_rows)} rows, loaded ${time(result.results_loaded_at, zone)}<//>`}>
        <${DataTable} label="Rows of the result" rows=${result.rows} columns=${shown} empty="The result has no rows here." />
        <${Pager} before=${page > 1 && query.to({ page: page - 1 })} after=${page < pages && query.to({ page: page + 1 })}>Page ${page} of ${pages}<//>
      <//>
      <${Panel} title="Downloads"><${Downloads} id=${id} result=${result} /><//>
    <//>`;
  }}<//>`;
}
