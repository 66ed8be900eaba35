"""What people do with items, and how often."""

from uuid import uuid4

from locust import task
from typing_extensions import override

from proof.load.visitor import Json, Visitor


class ItemsVisitor(Visitor):
    """Somebody with items of their own."""

    path: str = "/v1/items"

    @override
    def example(self) -> Json:
        return {"name": f"Item {uuid4()}", "description": "Made by the load test"}

    @task(55)
    def read_item(self) -> None:
        """Open one that exists."""
        self.call("GET /v1/items/{item_id}", item_id=self.known())

    @task(25)
    def list_items(self) -> None:
        """Look at a page, the first one or one further back."""
        self.call("GET /v1/items", query=self.some_page())

    @task(12)
    def create_item(self) -> None:
        """Add one."""
        self.call("POST /v1/items", body=self.example())

    @task(8)
    def change_item(self) -> None:
        """Describe one anew."""
        self.call("PATCH /v1/items/{item_id}", body={"description": f"Changed {uuid4()}"}, item_id=self.known())
