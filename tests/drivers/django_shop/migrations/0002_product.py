"""A table with a vector column."""

from __future__ import annotations

from django.db import migrations, models
from pgvector.django import VectorField


class Migration(migrations.Migration):
    """As `makemigrations` writes it."""

    dependencies = (("django_shop", "0001_extension"),)
    operations = (
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("tags", models.JSONField(default=list)),
                ("added", models.DateTimeField(auto_now_add=True)),
                ("embedding", VectorField(dimensions=3, null=True)),
            ],
        ),
    )
