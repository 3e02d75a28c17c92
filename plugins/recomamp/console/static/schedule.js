// One schedule: what comes next, how the last runs ended, and buttons to run it.

import { useData, useSend } from "./api.js";
import { Chart, HeatMap, Legend, solid } from "./charts.js";
import { Requests, Title } from "./definitions.js";
import { Chakra, html } from "./host.js";
import { useQuery } from "./query.js";
import { BackfillDialog, RunDialog } from "./run_dialogs.js";
import { runCells } from "./schedules.js";
import { duration, useZone, windowText } from "./time.js";
import { colourOf, Content, count, DataTable, Empty, Panel, timeIn } from "./widgets.js";

const { Button, Grid, Text } = Chakra;

const ENDS = ["SUCCESS", "FAILED", "SKIPPED"];

// A run without a value leaves a gap
function RunChart({ row, title, valueOf, format }) {
  const windows = new Map(row.runs.map((run) => [`${run.dag_run_id} ${run.ended_at}`, windowText(run.window_start, run.window_end, row.time_zone)]));
  const xs = [...windows.keys()];
  return html`<div>
    <${Text} fontSize="sm" fontWeight="semibold">${title}<//>
    <${Chart} kind="line" label="${title} of the last runs" xs=${xs} series=${[""]} colours=${{ "": solid("blue") }} format=${format} height=${144}
      textOf=${(key) => windows.get(key) ?? key} cells=${row.runs.map((run, index) => ({ x: xs[index], series: "", y: valueOf(run) ?? null }))} />
  </div>`;
}

const Ticks = ({ row }) => html`
  <${DataTable} label="Next ticks" rows=${row.ticks} keyOf=${(tick) => tick.due_at} empty="No tick: correct the row first."
    columns=${[
      { title: "Tick", cell: (tick) => timeIn(tick.due_at, row.time_zone) },
      { title: "Window", cell: (tick) => windowText(tick.window_start, tick.window_end, row.time_zone) },
    ]} />
  <${Text} fontSize="xs" color="fg.muted" mt="2">
    Cron ${row.cron_expression}, in ${row.time_zone}.
    ${!row.is_active && " The schedule is paused: these ticks start nothing until you resume it."}
    ${row.window_type && row.window_type !== "EXPLICIT" && ` AMC itself chooses the dates of ${row.window_type}.`}
  <//>`;

const Runs = ({ row }) =>
  row.runs.length === 0
    ? html`<${Empty}>No run has ended yet. The first one starts at the next tick.<//>`
    : html`
      <${HeatMap} label="Last runs" cells=${runCells(row.runs, row.time_zone)} />
      <${Legend} entries=${ENDS.map((state) => [state, colourOf(state)])} />
      <${Grid} gap="4" mt="4" templateColumns=${{ base: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" }}>
        <${RunChart} row=${row} title="Duration" valueOf=${(run) => run.duration_seconds} format=${duration} />
        <${RunChart} row=${row} title="Rows" valueOf=${(run) => run.result_rows} format=${count} />
      <//>`;

function Page({ row, reload }) {
  const zone = useZone();
  const { get, set } = useQuery();
  const dialog = get("dialog");
  const change = useSend(reload);
  const close = () => set({ dialog: "" });
  const sent = () => {
    close();
    reload();
  };
  return html`
    <${Title} row=${row} kind="schedule" state=${row.is_active ? "ACTIVE" : "PAUSED"} change=${change}>
      ${row.may_run && html`
        <${Button} size="sm" onClick=${() => set({ dialog: "run" })}>Run now<//>
        <${Button} size="sm" variant="outline" onClick=${() => set({ dialog: "backfill" })}>Backfill<//>`}
    <//>
    <${Grid} gap="4">
      <${Panel} title="Next ticks"><${Ticks} row=${row} /><//>
      <${Panel} title="Last runs"><${Runs} row=${row} /><//>
      <${Requests} rows=${row.requests} rowZone=${row.time_zone} zone=${zone} />
    <//>
    ${row.may_run && dialog === "run" && html`<${RunDialog} row=${row} close=${close} sent=${sent} />`}
    ${row.may_run && dialog === "backfill" && html`<${BackfillDialog} row=${row} close=${close} sent=${sent} />`}`;
}

export function Schedule({ id }) {
  const request = useData(`schedules/${id}`);
  return html`<${Content} request=${request}>${(row) => html`<${Page} row=${row} reload=${request.reload} />`}<//>`;
}
