"""Which keys sign evidence here: what a verifier needs to be told by a way that it trusts."""

import asyncio

from fastapi import APIRouter

from controller.auth.principals import Viewer
from controller.context import Context
from controller.signers.schemas import SignerList

router = APIRouter(prefix="/api/v1/signers", tags=["signers"])


@router.get("")
async def list_signers(context: Context, _principal: Viewer) -> SignerList:
    """Return the public keys by which this installation signs evidence, or signed it, the current one first."""
    return await asyncio.to_thread(SignerList.of, context.wiring.keys)
