import createClient, { type Client } from 'openapi-fetch';
import { createContext, use } from 'react';

import type { components, paths } from '@/api/schema';

export type Schemas = components['schemas'];
export type Api = Client<paths>;

/** A refusal in the controller's own words (RFC 9457), or the plain fact that nobody answered. */
export class Refusal extends Error {
  readonly remedy: string | null;
  readonly #status: number;

  constructor(message: string, status: number, remedy: string | null = null) {
    super(message);
    this.#status = status;
    this.remedy = remedy;
  }

  get status(): number {
    return this.#status;
  }

  get offline(): boolean {
    return this.#status === 0;
  }

  get signedOut(): boolean {
    return this.#status === 401;
  }
}

export function createApi(fetcher: typeof fetch = fetch): Api {
  return createClient<paths>({ baseUrl: globalThis.location.origin, fetch: (request: Request) => fetcher(request) });
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Returns the data of an answer, or throws a `Refusal` that a page can show as it is. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked.catch(() => {
    throw new Refusal('The controller does not answer.', 0, 'Start it with `changeline up`; this page goes on by itself.');
  });
  if (answer.data !== undefined) return answer.data;
  throw refusalOf(answer.error, answer.response.status);
}

function refusalOf(error: unknown, status: number): Refusal {
  if (status === 401) {
    return new Refusal('You are signed out.', 401, 'Run `changeline status` and open the link that it prints.');
  }
  const facts = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  const text = [facts['detail'], facts['title']].find((value) => typeof value === 'string' && value !== '');
  const remedy = facts['remedy'];
  return new Refusal(
    typeof text === 'string' ? text : `The controller answered ${status}.`,
    status,
    typeof remedy === 'string' ? remedy : null,
  );
}

const ApiContext = createContext<Api | null>(null);
export const ApiProvider = ApiContext.Provider;

export function useApi(): Api {
  const api = use(ApiContext);
  if (api === null) throw new Error('useApi needs an ApiProvider above it.');
  return api;
}
