// One schedule: what comes next, how the last runs ended, and buttons to run it.

import { useData } from "./api.js";
import { HeatMap, Legend, LineOverTime } from "./charts.js";
import { Requests, Title, useChoice, useSend } from "./definitions.js";
import { Chakra, html } from "./host.js";
import { BackfillDialog, RunDialog } from "./run_dialogs.js";
import { runCells } from "./schedules.js";
import { duration, time, useZone, windowText } from "./time.js";
import { colourOf, count, DataTable, Empty, Loaded, Panel } from "./widgets.js";

const { Button, Grid, Text } = Chakra;

const ENDS = ["SUCCESS", "FAILED", "SKIPPED"];

const pointsOf = (runs, zone, valueOf, format) =>
  runs.map((run) => ({
    key: `${run.dag_run_id} ${run.ended_at}`,
    name: windowText(run.window_start, run.window_end, zone),
    value: valueOf(run),
    text: format(valueOf(run)),
  }));

const Ticks = ({ row }) => html`
  <${DataTable} label="Next ticks" rows=${row.ticks} keyOf=${(tick) => tick.due_at} empty="No tick: correct the row first."
    columns=${[
      { title: "Tick", cell: (tick) => time(tick.due_at, row.time_zone) },
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
        <div>
          <${Text} fontSize="sm" fontWeight="semibold">Duration<//>
          <${LineOverTime} label="Duration of the last runs" format=${duration} points=${pointsOf(row.runs, row.time_zone, (run) => run.duration_seconds, duration)} />
        </div>
        <div>
          <${Text} fontSize="sm" fontWeight="semibold">Rows<//>
          <${LineOverTime} label="Rows of the last runs" points=${pointsOf(row.runs, row.time_zone, (run) => run.result_rows, count)} />
        </div>
      <//>`;

function Page({ row, reload }) {
  const zone = useZone();
  const [dialog, setDialog] = useChoice("dialog", "");
  const change = useSend(reload);
  const close = () => setDialog("");
  const sent = () => {
    close();
    reload();
  };
  return html`
    <${Title} row=${row} kind="schedule" state=${row.is_active ? "ACTIVE" : "PAUSED"} change=${change}>
      ${row.may_run && html`
        <${Button} size="sm" onClick=${() => setDialog("run")}>Run now<//>
        <${Button} size="sm" variant="outline" onClick=${() => setDialog("backfill")}>Backfill<//>`}
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
  return html`<${Loaded} request=${request}>${(row) => html`<${Page} row=${row} reload=${request.reload} />`}<//>`;
}
