import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';

import { Providers } from '@/app/providers';
import { createRouter } from '@/app/router';
import '@/styles/tokens.css';
import '@/styles/page.css';
import '@/styles/change-request.css';
import '@/styles/evidence.css';
import '@/styles/room.css';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Providers>
        <RouterProvider router={createRouter()} />
      </Providers>
    </StrictMode>,
  );
}
