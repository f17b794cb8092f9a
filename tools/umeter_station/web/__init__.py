"""The pages: a console for who runs meters, a portal for who uses them, on the API's app."""
