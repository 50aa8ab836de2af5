import { QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

import { ApiProvider, createApi, type Api } from '@/lib/api';
import { StreamStateProvider, useEventStream, type OpenStream } from '@/lib/event-stream';
import { createQueryClient } from '@/lib/query-client';

interface Props {
  children: ReactNode;
  api?: Api;
  openStream?: OpenStream;
}

const openInBrowser: OpenStream = (url) => new EventSource(url);

/** What every page stands on. Tests pass an API and a stream of their own. */
export function Providers({ children, api, openStream = openInBrowser }: Props) {
  const [queryClient] = useState(createQueryClient);
  const [client] = useState(() => api ?? createApi());
  return (
    <QueryClientProvider client={queryClient}>
      <ApiProvider value={client}>
        <Live openStream={openStream}>{children}</Live>
      </ApiProvider>
    </QueryClientProvider>
  );
}

function Live({ children, openStream }: { children: ReactNode; openStream: OpenStream }) {
  return <StreamStateProvider value={useEventStream(openStream)}>{children}</StreamStateProvider>;
}
