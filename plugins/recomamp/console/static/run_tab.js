// The tabs "AMC run" of a DAG run and "AMC execution" of a task: the latest attempt of the run.

import { useData } from "./api.js";
import { Execution } from "./execution.js";
import { Chakra, html } from "./host.js";
import { Empty, Loaded } from "./widgets.js";

function RunTab({ dagId, runId }) {
  const request = useData(`runs?${new URLSearchParams({ dag_id: dagId, run_id: runId })}`);
  return html`<${Chakra.Box} as="main" p="4" overflowY="auto" h="100%">
    <${Loaded} request=${request}>${({ attempts }) =>
      attempts.length > 0
        ? html`<${Execution} id=${attempts[0].id} key=${attempts[0].id} />`
        : html`<${Empty}>This run has sent nothing to AMC: it has not come so far, or its window has results already. The log of the task submit says which.<//>`}<//>
  <//>`;
}

globalThis["AMC run"] = RunTab;
globalThis["AMC execution"] = RunTab;
