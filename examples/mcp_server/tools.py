from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")


@server.tool()
def price(item: str) -> str:
    """Say what an item costs."""
    return f"{item}: 5.70"


# Sessions would need one environment for each client, so there are none. The host is not loopback:
# the name in the Host header is the function URL's.
app = server.streamable_http_app(stateless_http=True, host="0.0.0.0")
