"""The steps by name, for those who cannot import the client."""

from typing import Final

NAMES: Final = (
    "experiment_is_made_once",
    "autolog_logs_a_fit",
    "ten_thousand_steps_of_a_metric_come_back",
    "files_of_all_sizes_come_back",
    "a_model_is_logged_and_loaded_by_its_run",
    "models_are_registered_in_versions",
    "stages_move_versions_to_production",
    "aliases_name_versions",
    "versions_and_models_are_searched",
    "runs_are_searched_in_pages",
    "deleted_runs_are_hidden_until_restored",
    "prompts_are_kept_in_versions",
    "traces_are_kept_with_their_spans",
    "assessments_are_logged_changed_and_deleted",
    "models_can_be_renamed_and_deleted",
)
