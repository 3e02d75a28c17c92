// The tabs "AMC run" of a DAG run and "AMC execution" of a task: the latest attempt of the run.

import { useData } from "./api.js";
import { Execution } from "./execution.js";
import { Chakra, html } from "./host.js";
import { Content, Empty } from "./widgets.js";

function RunTab({ dagId, runId }) {
  // Until there is an attempt; its page then reads itself
  const request = useData(`runs?${new URLSearchParams({ dag_id: dagId, run_id: runId })}`, { every: (data) => (data?.attempts.length > 0 ? 0 : 15) });
  return html`<${Chakra.Box} as="main" p="4" overflowY="auto" h="100%">
    <${Content} request=${request}>${({ attempts }) =>
      attempts.length > 0
        ? html`<${Execution} id=${attempts[0].id} key=${attempts[0].id} onRetry=${request.reload} />`
        : html`<${Empty}>This run has sent nothing to AMC: it has not come so far, or its window has results already. The log of the task submit says which.<//>`}<//>
  <//>`;
}

globalThis["AMC run"] = RunTab;
globalThis["AMC execution"] = RunTab;
