import { QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

import { ApiProvider, createApi, type Api } from '@/lib/api';
import { StreamStateProvider, useEventStream, type OpenStream } from '@/lib/event-stream';
import { createQueryClient } from '@/lib/query-client';
import { Shortcuts, ShortcutsProvider } from '@/lib/shortcuts';

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
  const [shortcuts] = useState(() => new Shortcuts());
  return (
    <QueryClientProvider client={queryClient}>
      <ApiProvider value={client}>
        <ShortcutsProvider value={shortcuts}>
          <Live openStream={openStream}>{children}</Live>
        </ShortcutsProvider>
      </ApiProvider>
    </QueryClientProvider>
  );
}

function Live({ children, openStream }: { children: ReactNode; openStream: OpenStream }) {
  return <StreamStateProvider value={useEventStream(openStream)}>{children}</StreamStateProvider>;
}
