"""Django with pgvector.django: migrations forth and back, models searched by distance, introspection."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import django
import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connections, transaction
from django.db.models import Avg, Count
from pgvector.django import CosineDistance, L2Distance
from psycopg.conninfo import conninfo_to_dict

APP = "tests.drivers.django_shop"


def database(dsn: str) -> dict[str, Any]:
    given = conninfo_to_dict(dsn)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": given["host"],
        "PORT": given["port"],
        "USER": given["user"],
        "NAME": given["dbname"],
    }


@pytest.fixture(scope="module", autouse=True)
def _configured() -> None:
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", APP],
        DATABASES={},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


@pytest.fixture
def products(dsn: str) -> Iterator[Any]:
    """The manager of a model whose table the migrations have made."""
    from tests.drivers.django_shop.models import Product

    del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": database(dsn)})["default"]
    call_command("migrate", verbosity=0)
    try:
        yield Product.objects
    finally:
        call_command("migrate", "django_shop", "0001", verbosity=0)
        call_command("migrate", "contenttypes", "zero", verbosity=0)
        connections["default"].close()


def fill(products: Any) -> None:
    products.bulk_create(
        [
            products.model(name=f"product {number}", price=number, tags=["new"], embedding=np.array([number, 1, 0]))
            for number in range(1, 21)
        ]
    )


def delete_and_fail(products: Any) -> None:
    with transaction.atomic():
        products.all().delete()
        raise ZeroDivisionError


def test_nearest_neighbours(products: Any) -> None:
    fill(products)
    found = products.order_by(L2Distance("embedding", [7.2, 1, 0]))[:3]
    assert [product.name for product in found] == ["product 7", "product 8", "product 6"]
    assert list(found[0].embedding) == [7, 1, 0]
    assert (found[0].price, found[0].tags) == (Decimal("7.00"), ["new"])
    distance = CosineDistance("embedding", [0, 1, 0])
    near = products.alias(distance=distance).filter(distance__lt=0.3, price__gte=1).order_by(distance)
    assert list(near.values_list("name", flat=True)) == ["product 1"]


def test_queries(products: Any) -> None:
    fill(products)
    assert products.filter(tags__contains=["new"], name__icontains="PRODUCT 1").count() == 11
    assert products.aggregate(Avg("price"), Count("id")) == {"price__avg": Decimal("10.5"), "id__count": 20}
    product, made = products.get_or_create(name="product 21", defaults={"embedding": [0, 0, 1]})
    assert made
    assert products.update_or_create(name="product 21", defaults={"price": 5}) == (product, False)
    assert products.filter(embedding__isnull=False).exclude(price=5).count() == 19
    assert sum(1 for _ in products.iterator(chunk_size=7)) == 21


def test_transactions_and_errors(products: Any) -> None:
    fill(products)
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        products.create(name="product 1")
    assert raised.value.__cause__ is not None
    assert getattr(raised.value.__cause__, "sqlstate", None) == "23505"
    with pytest.raises(ZeroDivisionError):
        delete_and_fail(products)
    assert products.count() == 20
    with connections["default"].cursor() as cursor, pytest.raises(ProgrammingError):
        cursor.execute("SELECT * FROM nowhere")
    assert products.count() == 20


def test_introspection(products: Any) -> None:
    output = io.StringIO()
    call_command("inspectdb", "django_shop_product", stdout=output)
    text = output.getvalue()
    assert "name = models.CharField(unique=True, max_length=100)" in text
    assert "price = models.DecimalField(max_digits=10, decimal_places=2)" in text
    connection = connections["default"]
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "django_shop_product")
    assert constraints["shop_product_ann"]["type"] == "hnsw"
    assert constraints["shop_product_ann"]["columns"] == ["embedding"]
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_test_database_and_its_clone(dsn: str) -> None:
    """What Django's test runner does: a database to test in, and a copy of it for each process."""
    from tests.drivers.django_shop.models import Product

    products: Any = Product.objects
    del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": database(dsn)})["default"]
    connection = connections["default"]
    name = connection.settings_dict["NAME"]
    try:
        assert connection.creation.create_test_db(verbosity=0, autoclobber=True) == f"test_{name}"
        fill(products)
        connection.creation.clone_test_db("1", verbosity=0, autoclobber=True)
        products.all().delete()
        connection.close()
        connection.settings_dict["NAME"] = f"test_{name}_1"
        found = products.order_by(L2Distance("embedding", [7.2, 1, 0]))[:3]
        assert [product.name for product in found] == ["product 7", "product 8", "product 6"]
        connection.settings_dict["NAME"] = f"test_{name}"
        connection.close()
        assert products.count() == 0
    finally:
        connection.close()
        connection.settings_dict["NAME"] = f"test_{name}"
        connection.creation.destroy_test_db(name, verbosity=0, suffix="1")
        connection.settings_dict["NAME"] = f"test_{name}"
        connection.creation.destroy_test_db(name, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'test\\_%'")
        assert cursor.fetchone() == (0,)
    connection.close()
