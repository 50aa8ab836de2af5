/** Names of what the query cache holds, in one place because the event stream invalidates by them. */
export const keys = {
  board: ['change-requests'] as const,
  changeRequest: (id: string) => ['change-request', id] as const,
  detail: (id: string) => ['change-request', id, 'detail'] as const,
  events: (id: string) => ['change-request', id, 'events'] as const,
  gates: (id: string) => ['change-request', id, 'gates'] as const,
  view: (id: string, view: string) => ['change-request', id, 'view', view] as const,
};
