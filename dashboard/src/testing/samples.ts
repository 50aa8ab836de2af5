import type { Schemas } from '@/lib/api';

type Summary = Schemas['ChangeRequestSummary'];
type Detail = Schemas['ChangeRequestDetail'];
type Gate = Schemas['GateView'];
type Stored = Schemas['EventView'];

const AT = '2026-11-20T10:00:00Z';

const shared = {
  id: 'cr-7k2m',
  kind: 'change',
  source: 'cli',
  external_id: null,
  external_url: null,
  title: 'Reject expired codes',
  status: 'running',
  stage: 'development',
  wait_kind: null,
  wait_id: null,
  pause_reason: null,
  pause_message: '',
  attempt: 1,
  cost_usd: '1.8342',
  budget_usd: '50',
  created_by: 'ana',
  created_at: AT,
  updated_at: AT,
  queued_at: AT,
  finished_at: null,
  queue: null,
  report_url: null,
} as const;

/** Typed samples: when the schema changes, these stop compiling before any test can lie. */
export function summary(facts: Partial<Summary> = {}): Summary {
  return { ...shared, repositories: ['shop'], open_gates: [], scripted: false, ...facts };
}

export function detail(facts: Partial<Detail> = {}): Detail {
  return {
    ...shared,
    body: 'Refuse a code after its last valid day.',
    structured: {},
    repositories: [
      {
        name: 'shop', remote: '/srv/git/shop.git', base_branch: 'main', test_command: null, merge_strategy: 'merge',
        branch: 'changeline/cr-7k2m', base_commit: null, tests_commit: null, head_commit: null, merge_commit: null,
        facts: {},
      },
    ],
    gates: [], pause: null, takeover: null, actions: [], worker: null, queue_position: null, request_revision: 1, proposed_revision: null,
    cost: {
      spent_usd: '1.8342', reserved_usd: '0', budget_usd: '50', calls: 1, input_tokens: 1, cache_write_tokens: 1,
      cache_read_tokens: 1, output_tokens: 1,
    },
    model: { name: 'claude-sonnet-5-5', scripted: false },
    attempts: [], interventions: [], pull_requests: [], settings_snapshot: {}, warnings: [], events_after: 0,
    ...facts,
  };
}

export function releaseContent(facts: Partial<Schemas['ReleaseContent']> = {}): Schemas['ReleaseContent'] {
  return {
    kind: 'release', change_request: 'cr-7k2m', title: '', summary: '', criteria: [], risk_flags: [], skipped: [], request_changes: [],
    repositories: {}, cost_usd: '', scripted: false, void_approval: null, parts: {}, ...facts,
  };
}

export function change(facts: Partial<Schemas['ShownChange']> = {}): Schemas['ShownChange'] {
  return {
    base_branch: 'main', base: 'aaaa', head: 'bbbb', tests: 'cccc', merge_strategy: 'merge', spec_revision: 1, spec_hash: '', scenarios: [],
    files: [], old_tests: [], left_out: [], suite: '149 passed', inverted: '', neutral: '', reverted: '', mutated: '', pre_existing_failures: [], findings: [], resolved_findings: 0, rebases: [], ...facts,
  };
}

export function gate(facts: Partial<Gate> = {}): Gate {
  return {
    id: 'gate-1', cr_id: 'cr-7k2m', title: 'Reject expired codes', attempt: 1, kind: 'release',
    content: releaseContent({
      summary: 'Refuse codes after their last valid day.',
      criteria: [{ id: 'AC1', text: 'Refused on the day after.' }],
      repositories: { shop: change() },
    }),
    content_hash: '5f0c9a1e44b27d3380f1', status: 'open', decisions: ['approve', 'send_back', 'reject'],
    decision: null, decided_by: null, decided_at: null, comment: '', created_at: AT, ...facts,
  };
}

export function event(seq: number, payload: Stored['payload'], at = AT): Stored {
  return { seq, cr_id: 'cr-7k2m', type: payload.type, at, payload };
}

export function repositoryDiff(facts: Partial<Schemas['RepositoryDiffView']> = {}): Schemas['RepositoryDiffView'] {
  const file = { path: 'a.py', status: 'M', added: 1, removed: 1, binary: false, old_path: null };
  return { repository: 'shop', base: 'aaaa', head: 'bbbb', files: [file], patch: '', truncated: false, ...facts };
}

export function conversation(facts: Partial<Schemas['EditingConversationView']> = {}): Schemas['EditingConversationView'] {
  const [start, first, second] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
  return {
    attempt: 1, activation: 'act', role: 'code_writer', instance: 'shop/1', repository: 'shop', number: 1, since: start,
    commit: second, at: AT, ended: true,
    turns: [
      { turn: 2, since: start, commit: first, at: AT },
      { turn: 5, since: first, commit: second, at: AT },
    ],
    ...facts,
  };
}

export function testRun(facts: Partial<Schemas['TestRunView']> = {}): Schemas['TestRunView'] {
  return {
    id: 'run-1', attempt: 1, repository: 'shop', stage: 'development', purpose: 'green_suite', commit: 'bbbb', ok: true,
    report: {}, verdict: {}, created_at: AT, ...facts,
  };
}
