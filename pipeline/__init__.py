"""The product: what a change request is and how it advances.

Read in this order: `change_request` (the life of a CR), `graph` and `routing` (how it moves), `stages` (what happens
at each step), `ports` (what a stage may ask of the world). Nothing here knows HTTP, clusters or processes; SQL lives
only in `store`, third-party SDKs only in `adapters`.
"""
