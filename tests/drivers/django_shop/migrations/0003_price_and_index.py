"""A column with a default for the rows that are there, and an index."""

from __future__ import annotations

from django.db import migrations, models
from pgvector.django import HnswIndex


class Migration(migrations.Migration):
    """As `makemigrations` writes it."""

    dependencies = (("django_shop", "0002_product"),)
    operations = (
        migrations.AddField(
            model_name="product",
            name="price",
            field=models.DecimalField(decimal_places=2, default=0, max_digits=10),
        ),
        migrations.AddIndex(
            model_name="product",
            index=HnswIndex(
                name="shop_product_ann",
                fields=["embedding"],
                m=16,
                ef_construction=64,
                opclasses=["vector_cosine_ops"],
            ),
        ),
    )
