"""What stands between the network and the app: middleware, and options of the server. It knows no page and no model."""
