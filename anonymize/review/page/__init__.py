"""The files of the review page: HTML, CSS and ES modules, served as they are."""
