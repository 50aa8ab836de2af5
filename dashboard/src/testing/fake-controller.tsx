import { render } from '@testing-library/react';
import { RouterProvider } from 'react-router';

import { Providers } from '@/app/providers';
import { createTestRouter } from '@/app/router';
import { createApi, type Schemas } from '@/lib/api';
import type { StoredEvent } from '@/lib/history';

interface Asked {
  method: string;
  path: string;
  body: unknown;
}

type Answers = Record<string, (query: URLSearchParams) => unknown>;

const me: Schemas['Me'] = { id: 'ana', name: 'Ana', tenant: 'default', roles: ['admin'], scripted: false };

/** What every page asks for; a test overrides what it is about. */
const QUIET: Answers = {
  'GET /api/v1/me': () => me,
  'GET /api/v1/gates': () => ({ items: [] }),
  'GET /api/v1/effects': () => ({ items: [] }),
  'GET /api/v1/repositories': () => ({ items: [] }),
  'GET /api/v1/change-requests': () => ({ items: [], next_cursor: null, events_after: 0 }),
  'GET /api/v1/attention': () => ({ needs_you: 0, running: 0, waiting: 0, ready: 0, done: 0 }),
};

/** A controller that answers from a table of `METHOD path`, and a stream that the test speaks through. */
export class FakeController {
  readonly asked: Asked[] = [];
  readonly stream = new FakeStream();
  private readonly answers: Answers;

  constructor(answers: Answers) {
    this.answers = { ...QUIET, ...answers };
  }

  open(address: string) {
    const api = createApi(this.fetch);
    return render(
      <Providers api={api} openStream={this.stream.open}>
        <RouterProvider router={createTestRouter(address)} />
      </Providers>,
    );
  }

  private readonly fetch = async (input: RequestInfo | URL): Promise<Response> => {
    const request = new Request(input);
    const { pathname: path, searchParams } = new URL(request.url);
    const text = await request.text();
    this.asked.push({ method: request.method, path, body: text === '' ? null : (JSON.parse(text) as unknown) });
    const answer = this.answers[`${request.method} ${path}`];
    if (!answer) return problem(404, `Nothing is known about ${path}.`);
    const body = answer(searchParams);
    return body instanceof Response ? body : Response.json(body);
  };
}

/** The answers about events, from the events themselves. Pages are as long as they are asked for. */
export function events(id: string, items: () => StoredEvent[]): Answers {
  const at = `/api/v1/change-requests/${id}/events`;
  const completeTo = () => items().at(-1)?.seq ?? 0;
  return {
    [`GET ${at}/newest`]: (query) => {
      const before = query.get('before');
      const found = items().filter(({ seq, payload }) =>
        seq < Number(before ?? Infinity) && [null, payload.stage].includes(query.get('stage') as typeof payload.stage));
      const page = found.slice(-Number(query.get('limit')));
      const next_before = page.length < found.length ? (page[0]?.seq ?? null) : null;
      return { items: page, next_after: page.at(-1)?.seq ?? 0, next_before, complete_to: before === null ? completeTo() : null };
    },
    [`GET ${at}/summary`]: () => {
      const tool_calls: Record<string, number> = {};
      for (const { payload } of items()) {
        if (payload.type === 'tool_called' && payload.repository) tool_calls[payload.repository] = (tool_calls[payload.repository] ?? 0) + 1;
      }
      return { complete_to: completeTo(), total: items().length, milestones: items(), tool_calls };
    },
  };
}

export function problem(status: number, detail: string, remedy?: string): Response {
  return Response.json({ type: 'about:blank', title: 'Refused', status, detail, remedy }, { status });
}

class FakeStream extends EventTarget {
  readonly CLOSED = 2;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  #readyState = 0;

  get readyState(): number {
    return this.#readyState;
  }

  readonly open = (): EventSource => this as unknown as EventSource;

  connect(): void {
    this.#readyState = 1;
    this.onopen?.();
  }

  lose(): void {
    this.#readyState = 0;
    this.onerror?.();
  }

  /** The stream says how far it is complete, as it does when it begins. */
  position(seq: number): void {
    this.dispatchEvent(new MessageEvent('position', { data: JSON.stringify({ seq }) }));
  }

  send(stored: StoredEvent): void {
    this.dispatchEvent(new MessageEvent(stored.type, { data: JSON.stringify(stored) }));
  }

  close(): void {
    this.#readyState = this.CLOSED;
  }
}
