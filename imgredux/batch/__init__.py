"""Many files through one method, each done or failed on its own. Imports no torch: planning costs nothing."""
