"""The keys by which evidence is signed: those of this machine's installation, or those that another one tells.

Choice: without an address of a controller the data directory is read, so that it can be asked before, while and after anything
runs there.
"""

from cli.local.data_directory import DataDirectory, locate
from cli.session import Session
from controller.signers.schemas import SignerList
from pipeline.adapters.signing import FileKeyStore
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings


def signers_of(session: Session) -> SignerList:
    """Return the keys of the installation that commands work with, the current one first."""
    if session.settings.url is not None:
        return session.client.get("/api/v1/signers", SignerList)
    return SignerList.of(own_keys(session.settings))


def own_keys(settings: ProcessSettings) -> FileKeyStore:
    """Return the keys of the data directory. Raises `CallerError` where there is no installation, or another user's."""
    directory = DataDirectory.at(locate(settings))
    if not directory.format_file.exists():
        raise CallerError(
            f"There is no installation in {directory.path}, and so no key.", field="CHANGELINE_DATA_DIR",
            remedy="Name the data directory of the installation that signs, or CHANGELINE_URL and CHANGELINE_TOKEN.",
        )  # fmt: skip
    directory.prepare()
    return FileKeyStore(directory.keys)
