"""When a picture is shown: presentation times, edit lists, clocks that start again."""
